"""drifthomer inspect."""

import json

import pytest
from snapshot_models import MODELS, learn, rows

from stream.cli import main
from stream.snapshot import save

ROWS = rows(900)


def run(capfd, *args):
    code = main(["inspect", *map(str, args)])
    return code, *capfd.readouterr()


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    """The state of a running learner."""
    model = MODELS["ihomer"]()
    learn(model, ROWS[:200])
    path = tmp_path_factory.mktemp("inspect") / "state"
    save({"model": model, "offsets": {("instances", 0): 17}, "nothing": {}}, path)
    return path


def test_what_it_shows(path, capfd):
    code, out, err = run(capfd, path)
    assert (code, err) == (0, "")
    for text in (
        f"{path.stat().st_size:,} bytes", "format version", "passed: SHA-256", "model.model",
        "IHOMER", "model.parameters.tau", "0.5", "model.rows", "200", "offsets.('instances', 0)",
        "17", "['a', 'b']", "model.features", "nothing",
    ):  # fmt: skip
        # A line is broken between two words, or inside one that is longer than it.
        assert text in out.replace("\n", "") or text in out.replace("\n", " "), text
    assert "_learner" not in out
    assert "model._learner.trees.rows.scaler.total" in run(capfd, path, "--arrays")[1]


def test_as_json(path, capfd):
    code, out, _ = run(capfd, path, "--json")
    found = json.loads(out)
    assert code == 0
    assert found["bytes"] == path.stat().st_size
    model = found["content"]["model"]
    assert model["model"] == "IHOMER"
    assert model["rows"] == 200
    assert sorted(map(sorted, model["clusters"])) == [["a", "b"], ["c", "d"], ["e", "f"]]
    assert sum(each["bytes"] for each in found["arrays"]) < found["bytes"]


@pytest.mark.parametrize("name", MODELS)
def test_every_model(name, tmp_path, capfd):
    model = MODELS[name]()
    learn(model, ROWS[:30])
    model.save(tmp_path / "model")
    code, out, _ = run(capfd, tmp_path / "model", "--json")
    assert code == 0
    assert json.loads(out)["content"]["rows"] == 30


def test_a_missing_file_is_wrong_usage(tmp_path, capfd):
    code, out, err = run(capfd, tmp_path / "missing")
    assert (code, out) == (2, "")
    assert err.startswith(f"drifthomer: There is no file '{tmp_path / 'missing'}'; check the path")
    assert err.count("\n") == 1


@pytest.mark.parametrize("content", [b"", b"@relation x\n", "cut"])
def test_wrong_files_end_with_one_line(content, path, tmp_path, capfd):
    wrong = tmp_path / "wrong"
    wrong.write_bytes(path.read_bytes()[:-1] if content == "cut" else content)
    code, out, err = run(capfd, wrong)
    assert (code, out) == (1, "")
    assert err.startswith(f"drifthomer: the snapshot {wrong} cannot be used: ")
    assert err.count("\n") == 1
