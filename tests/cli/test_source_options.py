"""How data are to be read, said on the command line: what messages advise can be typed."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

import pytest

from stream.cli import main

MODEL = """
class Repeat:
    def __init__(self):
        self.last = None
    def predict_one(self, x):
        return self.last
    def learn_one(self, x, y):
        self.last = y
"""
WEKA = "@relation r\n@attribute id string\n@attribute a numeric\n@attribute l {0,1}\n@data\n"


@pytest.fixture
def typed(tmp_path, monkeypatch, capfd):
    """Runs ``drifthomer prequential FILE ...`` on a file of this content."""
    (tmp_path / "cli_repeat.py").write_text(MODEL)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.delenv("DRIFTHOMER_DATA", raising=False)
    sys.modules.pop("cli_repeat", None)

    def run(name, content, *options):
        data = content if isinstance(content, bytes) else content.encode()
        Path(name).write_bytes(data)
        model = ["--model", "cli_repeat:Repeat", "--json", "out.json"]
        code = main(["prequential", name, *model, *options])
        return code, capfd.readouterr().err

    return run


def found():
    return json.loads(Path("out.json").read_text())


CSV = ("--labels", "l")


@pytest.mark.parametrize(
    ("name", "content", "before", "advice", "more"),
    [
        ("a.svm", "-1 1:1 3:1\n+1 2:1\n", [], "--task single-label", []),
        ("a.svm", "-1 1:1\n+1 2:1\n", ["--target", "class"], "--task single-label", None),
        ("a.svm", "1 2:3\n5\n", [], "--empty-rows", []),
        ("a.txt", "1 5 4\n0 5:1\n", [], "--one-based", []),
        ("a.svm", "1 0:3\n", ["--one-based"], "--zero-based", []),
        ("a.csv", "a;b;l\n1;2;1\n", CSV, "--delimiter ';'", []),
        ("a.csv", "a\tl\n1\t1\n", CSV, "--delimiter tab", []),
        ("a.csv", "id,l\n1,1\nA2,0\n", CSV, "--categorical id", []),
        ("a.csv", 'a,l\n1,1\n"1,5",0\n', CSV, "--decimal ','", []),
        ("a.csv", 'a,l\n1,1\n"1,234,567",0\n', CSV, "--thousands ','", []),
        ("a.csv", 'a,l\n1,1\n"1.234,5",0\n', CSV, "--decimal ',' --thousands '.'", []),
        ("a.csv", 'a,l\n"1,5",1\n1.500,0\n', [*CSV, "--decimal", ","], "--thousands '.'", []),
        ("a.csv", b"gr\xf6\xdfe,l\n1,1\n", CSV, "--encoding latin-1", []),
        ("a.csv", ",a,l\n0,1,1\n", CSV, "--ignore column1", []),
        ("a.csv", ",a,l\n0,1,1\n", ["--labels", "-1"], "--no-header", None),
        ("a.csv", "a,c\n1,1\n", [], "--labels -2", []),
        ("a.csv", "a,c\n1,1\n", [], "--target c", []),
        ("a.csv", 'a,"x, y"\n1,1\n', ["--labels", "x, y"], "'\"x, y\"'", None),
        ("a.dat", "a,l\n1,1\n", CSV, "--format csv", []),
        ("a.jsonl", '{"tags": ["x"], "v": 1}\n', [], "--labels tags", []),
        ("a.jsonl", '{"a": 1, "b": 0, "v": 1}\n', [], "--labels a,b", []),
        ("a.jsonl", '{"c": "x", "v": 1}\n', [], "--target c", []),
        ("a.arff", WEKA + "x1,5,1\n", [], "--ignore id", []),
        ("a.arff", WEKA + "x1,5,1\n", [], "--text id", []),
        ("a.arff", WEKA.replace("string", "date") + "x1,5,1\n", [], "--ignore id", []),
        ("a.arff", WEKA.replace("{0,1}", "real") + "x1,5,1\n", [], "--labels -2", None),
    ],
)
def test_what_a_message_advises_can_be_typed(typed, name, content, before, advice, more):
    """Messages advised options that the command line did not have."""
    if name == "a.dat":
        name = "./a.dat"
    code, err = typed(name, content, *before)
    assert code in (1, 2)
    assert err.count("\n") == 1
    assert advice in err
    if more is None:  # the advice replaces what was typed, as the tests below do
        return
    options = [part.strip("'") for part in advice.split()]
    before = [part for part in before if part != "--one-based"]
    code, err = typed(name, content, *before, *options)
    assert (code, err) == (0, "")
    assert found()["rows"] >= 1


def test_label_names_with_commas(typed):
    content = 'a,"x, y",z\n1,1,0\n0,0,1\n'
    assert typed("a.csv", content, "--labels", '"x, y",z')[0] == 0
    assert len(found()["per_label"]) == 2
    assert typed("a.csv", content, "--labels", '"x, y"')[0] == 0


def test_the_field_of_json_lines(typed):
    content = '{"tags": ["a"], "v": 1}\n{"tags": ["b", "c"], "v": 2}\n'
    assert typed("a.jsonl", content, "--labels", "tags")[0] == 0
    assert len(found()["per_label"]) == 3
    for wrong in ("tags,", ",", '"tags', "", '"a"b'):
        code, err = typed("a.jsonl", content, "--labels", wrong)
        assert (code, err.count("\n")) == (2, 1)
    assert typed("a.jsonl", content, "--labels", "-2")[0] == 2


def test_a_file_without_a_header(typed):
    code, _ = typed("a.csv", "1,0,1\n2,1,0\n", "--no-header", "--labels", "-2")
    assert code == 0
    assert (found()["rows"], len(found()["per_label"])) == (2, 2)
    assert typed("a.csv", "1,0,1\n2,1,0\n", "--no-header", "--labels", "column2")[0] == 0


def test_warnings_say_that_they_are(typed):
    """A column of texts that are all different exploded in silence."""
    rows = "".join(f"note {i},{i % 2}\n" for i in range(150))
    code, err = typed("a.csv", "body,l\n" + rows, *CSV)
    assert code == 0
    assert err.startswith("drifthomer: warning: a.csv: most values of column 'body' are new")
    assert err.count("\n") == 1
    for option in re.findall(r"--\w+ \w+", err):
        code, err = typed("a.csv", "body,l\n" + rows, *CSV, *option.split())
        assert (code, err) == (0, "")


def test_words_may_be_hashed(typed):
    content = "body,l\nred wine,1\nwhite wine,0\n"
    assert typed("a.csv", content, *CSV, "--text", "body", "--text-columns", "100")[0] == 0


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--delimiter", "::"], "expected one character"),
        (["--decimal", "x"], "'--decimal'"),
        (["--encoding", "klingon"], "'encoding' must be one that Python knows"),
        (["--encoding", "base64"], "'encoding' must be one"),
        (["--format", "xls"], "tells no format"),
        (["--task", "single-label"], "task (--task) does not apply to .csv files"),
        (["--ignore", "x"], "no column 'x' to be ignored"),
        (["--text-columns", "0"], "'--text-columns'"),
        (["--labels-xml", "missing.xml"], "does not exist"),
        (["--thousands", "."], "other"),
    ],
)
def test_wrong_options_are_one_line(typed, options, says):
    code, err = typed("a.csv", "a,l\n1,1\n", *CSV, *options)
    assert code in (1, 2)
    assert err.count("\n") == 1
    assert says in err
