"""The command: exit codes, one line for what is wrong, what goes where."""

import json
import os
import re
import subprocess
import sys
import time

import pytest

from stream import __version__
from stream.cli import main
from stream.cli.options import parse_literal

MODELS = '''
import os, signal

class Repeat:
    """Answers what it learnt last."""
    def __init__(self, start=None, rate: float = 0.5, seed=None):
        if rate < 0:
            raise ValueError("The 'rate' parameter must be at least 0.")
        self.last, self.params, self.rows = start, dict(rate=rate, seed=seed), 0
    def get_params(self):
        return self.params
    def predict_one(self, x):
        return self.last
    def learn_one(self, x, y):
        self.last = y
        self.rows += 1

class Interrupted(Repeat):
    """Ctrl-C arrives while it learns its tenth row."""
    def learn_one(self, x, y):
        super().learn_one(x, y)
        if self.rows == 10:
            os.kill(os.getpid(), signal.SIGINT)

made = Repeat()
needs_missing = None
'''
ROWS = "a,b,sun,rain\n" + "".join(f"{i},{i % 3},{i % 2},{int(i % 3 == 0)}\n" for i in range(40))


@pytest.fixture
def here(tmp_path, monkeypatch):
    """A folder with data and models, which is the current one."""
    (tmp_path / "cli_test_models.py").write_text(MODELS)
    (tmp_path / "rows.csv").write_text(ROWS)
    (tmp_path / "bad.csv").write_text(ROWS + "1,x,0,1\n" + "1,2,0,1\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.delenv("DRIFTHOMER_DATA", raising=False)
    sys.modules.pop("cli_test_models", None)
    return tmp_path


REPEAT = ["--labels", "sun,rain", "--model", "cli_test_models:Repeat"]


def run(capfd, *args):
    code = main(args)
    out, err = capfd.readouterr()
    return code, out, err


def test_version(capfd):
    code, out, err = run(capfd, "--version")
    assert (code, err) == (0, "")
    assert __version__ in out


@pytest.mark.parametrize("args", [[], ["--help"], ["prequential", "--help"], ["datasets", "-h"]])
def test_help(capfd, args):
    code, out, err = run(capfd, *args)
    assert (code, err) == (0, "")
    assert "Usage: drifthomer" in out


def test_help_loads_no_compiled_code():
    """Otherwise --help and --version would take seconds."""
    code = "import sys, stream.cli as c; c.main(['--help']); print(sorted(sys.modules))"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    modules = out.stdout.splitlines()[-1]
    for name in ("'numba'", "'river'", "'rich'", "'numpy'"):
        assert name not in modules


def test_python_m_stream_is_the_same():
    done = subprocess.run(
        [sys.executable, "-m", "stream", "nonsense"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.startswith("drifthomer: No such command 'nonsense'")
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (["nonsense"], "No such command 'nonsense'"),
        (["--nonsense"], "No such option"),
        (["prequential"], "Missing argument 'DATA'"),
        (["prequential", "rows.csv", "--limit", "0"], "'--limit'"),
        (["prequential", "rows.csv", "--limit", "ten"], "'ten'"),
        (["prequential", "rows.csv", "--delay", "-1"], "'--delay'"),
        (["prequential", "rows.csv", "--window", "0"], "'--window'"),
        (["prequential", "rows.csv", "--set", "rate"], "name=value"),
        (["prequential", "rows.csv", "--set", "=3"], "name=value"),
        (["prequential", "rows.csv", "--json", "missing/out.json"], "must exist and be writable"),
        (["prequential", "rows.csv", "--csv", "."], "is a directory"),
        (["prequential", "rows.csv", "--json", "-", "--csv", "-"], "standard output"),
        (["prequential", "rows.csv", "--labels", "sun", "--target", "rain"], "exclude"),
        (["prequential", "rows.csv", "--data-dir", "missing"], "does not exist"),
        (["prequential", "no-such-stream", *REPEAT[2:]], "no-such-stream"),
        (["prequential", "no-such-file.csv", *REPEAT[2:]], "no-such-file.csv"),
        (["prequential", "rows.csv", "--model", "nonsense"], "package.module:object"),
        (["prequential", "rows.csv", "--model", "no.such:thing"], "'no.such'"),
        (["prequential", "rows.csv", "--model", "cli_test_models:thing"], "'thing'"),
        (["prequential", "rows.csv", *REPEAT, "--set", "rat=1"], "are start, rate, seed"),
        (["prequential", "rows.csv", *REPEAT, "--set", "rate=-1"], "at least 0"),
        (["prequential", "rows.csv", *REPEAT, "--set", "rate=x"], "cannot be made"),
        (
            [
                "prequential",
                "rows.csv",
                "--labels",
                "sun",
                "--model",
                "river.naive_bayes:GaussianNB",
            ],
            "must be a MultiLabelClassifier",
        ),
        (["prequential", "rows.csv", "--labels", "-2", "--target", "sun"], "exclude"),
        (["datasets", "nonsense"], "no stream named 'nonsense'"),
        (["datasets", "yeest"], "Did you mean 'yeast'?"),
        (["datasets", "yeast", "bibtex"], "unexpected extra argument"),
        (
            ["prequential", "sea", "--model", "multilabel-hoeffding-tree"],
            "must be a Classifier for a single-label stream",
        ),
        (
            ["prequential", "rows.csv", *REPEAT[:2], "--set", "delta=2"],
            "'delta' parameter of DriftHOMER",
        ),
    ],
)
def test_wrong_usage_is_one_line_and_code_2(here, capfd, args, says):
    code, out, err = run(capfd, *args)
    assert (code, out) == (2, "")
    assert err.startswith("drifthomer: ")
    assert err.count("\n") == 1
    assert says in err


def test_the_default_run(here, capfd):
    code, out, err = run(capfd, "prequential", "rows.csv", *REPEAT)
    assert (code, err) == (0, "")
    assert "cli_test_models:Repeat on rows" in out
    assert "40 rows × 2 features, 2 labels" in out
    assert "\x1b" not in out


def test_results_as_files(here, capfd):
    options = ["--json", "out.json", "--csv", "out.csv", "--window", "15", "--limit", "35"]
    more = ["--set", "rate=0.25", "--seed", "7", "--delay", "2"]
    code, _, err = run(capfd, "prequential", "rows.csv", *REPEAT, *options, *more)
    assert (code, err) == (0, "")
    found = json.loads((here / "out.json").read_text())
    assert (found["rows"], found["seed"], found["delay"]) == (35, 7, 2)
    assert found["params"] == {"rate": 0.25, "seed": 7}
    assert [window["stop"] for window in found["windows"]] == [15, 30, 35]
    assert (here / "out.csv").read_text().count("\n") == 4


@pytest.mark.parametrize("option", ["--json", "--csv"])
def test_results_on_standard_output(here, capfd, option):
    """The table goes to standard error, so that the output can be piped."""
    code, out, err = run(capfd, "prequential", "rows.csv", *REPEAT, option, "-")
    assert code == 0
    assert "micro" in err
    if option == "--json":
        assert json.loads(out)["rows"] == 40
    else:
        assert out.startswith("start,stop,subset_accuracy")


def test_a_console_that_only_knows_ascii(here):
    """JSON is UTF-8 whatever the console; tables use what it can write."""
    (here / "rows.csv").write_text(ROWS.replace("sun", "Sønne"))
    environment = {**os.environ, "PYTHONIOENCODING": "ascii"}
    command = [sys.executable, "-m", "stream", "prequential", "rows.csv"]
    options = ["--labels", "Sønne,rain", "--model", "cli_test_models:Repeat", "--json", "-"]
    done = subprocess.run([*command, *options], capture_output=True, check=False, env=environment)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["per_label"][0]["label"] == "Sønne"
    assert b"40 rows x 2 features" in done.stderr


def test_a_target_makes_it_single_label(here, capfd):
    model = ["--model", "river.naive_bayes:GaussianNB"]
    code, out, _ = run(capfd, "prequential", "rows.csv", "--target", "sun", *model)
    assert code == 0
    assert "kappa-t" in out


def test_the_default_model_suits_the_task(here, capfd):
    """A newcomer's stream of classes needs no --model."""
    code, out, err = run(capfd, "prequential", "sea", "--limit", "300", "--json", "-")
    assert code == 0
    assert json.loads(out)["model"] == "driftmoe"
    assert "kappa-t" in err
    code, out, _ = run(capfd, "prequential", "rows.csv", "--labels", "sun,rain", "--json", "-")
    assert json.loads(out)["model"] == "drifthomer"


def test_labels_may_be_counted(here, capfd):
    code, out, _ = run(capfd, "prequential", "rows.csv", "--labels", "-2", *REPEAT[2:])
    assert code == 0
    assert "40 rows × 2 features, 2 labels" in out


def test_a_short_stream_has_windows(here, capfd):
    """Otherwise the course of a short stream would be invisible."""
    code, out, _ = run(capfd, "prequential", "yeast", "--limit", "300")
    assert code == 0
    assert "micro-F1 in windows of 20 rows" in out
    assert "F1 by label, most frequent first" in out


def test_a_model_that_is_made_already(here, capfd):
    model = ["--labels", "sun,rain", "--model", "cli_test_models:made"]
    assert run(capfd, "prequential", "rows.csv", *model)[0] == 0
    code, _, err = run(capfd, "prequential", "rows.csv", *model, "--set", "rate=1")
    assert code == 2
    assert "must be set where it is made" in err


def test_ihomer_shows_the_clusters_that_it_found(here, capfd):
    args = ("prequential", "syn-blocks-sud:rows=1500", "--model", "ihomer", "--json", "out.json")
    code, out, err = run(capfd, *args)
    assert code == 0, err
    found = json.loads((here / "out.json").read_text())
    n = len(found["clusters"])
    assert n > 1
    assert f"20 labels in {n} clusters" in out
    assert out.count("── ") >= n
    n_splits = sum(event["kind"] == "split" for event in found["restructures"])
    assert re.search(rf"\nclusters: {n_splits} splits?\b.* · .*drift seen", out)
    for event in found["restructures"]:
        assert set(event) == {"row", "kind", "before", "after", "quantities"}
    assert all(isinstance(row, int) for row in found["drifts"])
    assert found["windows"][-1]["clusters"] == n
    assert found["windows"][-1]["restructures"] == len(found["restructures"])


def test_ihomer_with_each_label_alone(here, capfd):
    """No hierarchy was found, so that none may be shown."""
    args = ("yeast", "--model", "ihomer", "--set", "partition=singletons", "--limit", "300")
    code, out, _ = run(capfd, "prequential", *args)
    assert code == 0
    assert "\n13 clusters\n" in out
    assert "── " not in out.replace("─" * 20, "")


@pytest.mark.parametrize(
    ("assignment", "says"),
    [
        ("partition=sets", "must be one of 'jaccard', 'random', 'single', 'singletons'"),
        ("partition=[1, 2]", "or a list of lists of labels. Got [1, 2] instead."),
        ("partition=[['a'], ['a']]", "Got 'a' in clusters 0 and 1."),
        ("partition_delta=7", "must be a float in the range (0, 1). Got 7 instead."),
        ("partition_period=0", "must be an int in the range [1, 1000000000]. Got 0 instead."),
        ("max_clusters=0", "must be an int in the range [1, 1000000000] or None. Got 0 instead."),
        ("cluster_drift=sometimes", "Got 'sometimes' instead."),
    ],
)
def test_a_parameter_of_ihomer_that_is_wrong(capfd, assignment, says):
    args = ("prequential", "yeast", "--model", "ihomer", "--set", assignment)
    code, out, err = run(capfd, *args)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert f"The '{assignment.split('=')[0]}' parameter of IHOMER" in err
    assert says in err


def test_bad_data_prints_the_results_so_far(here, capfd):
    code, out, err = run(capfd, "prequential", "bad.csv", *REPEAT, "--json", "out.json")
    assert code == 1
    assert "40 rows" in out
    assert "Ended by bad data" in out
    assert err.startswith("drifthomer: ")
    assert err.count("\n") == 1
    assert "bad.csv, line 42, column 'b'" in err
    assert json.loads((here / "out.json").read_text())["rows"] == 40


def test_ctrl_c_prints_the_results_so_far(here):
    options = ["--model", "cli_test_models:Interrupted", "--json", "out.json"]
    command = [sys.executable, "-m", "stream", "prequential", "rows.csv", *REPEAT[:2], *options]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 130
    assert "Interrupted: these are the results of the first 10 rows" in done.stdout
    assert done.stderr == ""
    assert json.loads((here / "out.json").read_text())["interrupted"] is True


def test_a_reader_that_goes_away(here):
    """As in ``drifthomer datasets | head -1``: no traceback."""
    read, write = os.pipe()
    os.close(read)
    command = [sys.executable, "-m", "stream", "prequential", "rows.csv", *REPEAT]
    done = subprocess.run(command, stdout=write, stderr=subprocess.PIPE, text=True, check=False)
    os.close(write)
    assert done.stderr == ""
    assert done.returncode == 1


@pytest.mark.skipif(not hasattr(os, "openpty"), reason="needs pseudo-terminals")
def test_progress_on_a_terminal(here):
    """Standard error is a terminal and gets the bar, standard output a file and gets the table."""
    master, slave = os.openpty()
    command = [sys.executable, "-m", "stream", "prequential", "rows.csv", *REPEAT]
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "120"}
    with (here / "out.txt").open("w") as out:
        process = subprocess.Popen(command, stdout=out, stderr=slave, env=environment)
    os.close(slave)
    shown = b""
    deadline = time.monotonic() + 300
    while time.monotonic() < deadline:
        try:
            some = os.read(master, 65536)
        except OSError:  # the other side was closed
            break
        if not some:
            break
        shown += some
    os.close(master)
    assert process.wait(timeout=300) == 0
    assert "40 rows" in shown.decode()
    assert "micro-F1" in shown.decode()
    assert "\x1b" not in (here / "out.txt").read_text()


def test_datasets_as_a_table(capfd):
    code, out, err = run(capfd, "datasets")
    assert (code, err) == (0, "")
    assert "\x1b" not in out
    line = next(line for line in out.splitlines() if line.startswith("yeast "))
    for text in ("2,417", "103", "14", "4.24", "yes"):
        assert text in line


@pytest.mark.skipif(not hasattr(os, "openpty"), reason="needs pseudo-terminals")
@pytest.mark.parametrize("columns", [80, 120])
def test_datasets_fits_the_terminal(columns):
    """A line that is cut in two is unreadable."""
    master, slave = os.openpty()
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": str(columns)}
    command = [sys.executable, "-m", "stream", "datasets"]
    process = subprocess.Popen(command, stdout=slave, stderr=slave, env=environment)
    os.close(slave)
    shown = b""
    while True:
        try:
            some = os.read(master, 65536)
        except OSError:  # the other side was closed
            break
        if not some:
            break
        shown += some
    os.close(master)
    assert process.wait(timeout=300) == 0
    lines = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", shown.decode()).splitlines()
    assert max(len(line.rstrip()) for line in lines) <= columns
    yeast = next(line for line in lines if line.startswith("yeast "))
    assert "2,417" in yeast
    assert "yes" in yeast


def test_datasets_tells_all_of_one(capfd):
    code, out, _ = run(capfd, "datasets", "20NG")
    assert code == 0
    for text in ("D20ng.arff", "19,300", "https://"):
        assert text in out
    _, out, _ = run(capfd, "datasets", "sea-a")
    assert "as in sea-a:functions=1-2-4-1,seed=7" in out
    _, out, _ = run(capfd, "datasets", "yeast", "--json")
    assert json.loads(out)["name"] == "yeast"


def test_datasets_as_json(capfd):
    code, out, _ = run(capfd, "datasets", "--json", "--available")
    found = {each["name"]: each for each in json.loads(out)}
    assert code == 0
    assert found["yeast"]["rows"] == 2417
    assert found["sea-a"]["here"] == "generated"
    assert {each["here"] for each in found.values()} == {"yes", "generated"}
    assert all(each["licence"] and each["source"] for each in found.values())


def test_datasets_finds_files(tmp_path, monkeypatch, capfd):
    monkeypatch.delenv("DRIFTHOMER_DATA", raising=False)
    header = "@relation 'x: -C -1'\n@attribute a numeric\n@attribute l {0,1}\n@data\n1,1\n"
    (tmp_path / "Delicious.arff").write_text(header)

    def where(*args):
        out = run(capfd, "datasets", "--json", *args)[1]
        return {each["name"]: each["here"] for each in json.loads(out)}["delicious"]

    assert where() != "yes"
    assert where("--data-dir", str(tmp_path)) == "yes"


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("3", 3),
        ("-0.5", -0.5),
        ("1e-7", 1e-7),
        ("true", True),
        ("False", False),
        ("none", None),
        ("null", None),
        ("nba", "nba"),
        ("'3'", "3"),
        ("[1, 2]", [1, 2]),
        ("a=b", "a=b"),
        ("", ""),
    ],
)
def test_values_of_parameters(text, value):
    assert parse_literal(text) == value
    assert type(parse_literal(text)) is type(value)
