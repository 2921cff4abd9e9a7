"""What somebody meets who has only the help and the messages."""

import click
import pytest

from stream.cli.program import cli, main

ROWS = "code,note,sun\n" + "".join(f"{i % 3},a{i} b{i % 2},{i % 2}\n" for i in range(120))


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "rows.csv").write_text(ROWS)
    (tmp_path / "bare.csv").write_text("1,1,0\n2,0,1\n")
    return tmp_path


def said(capsys):
    """What is on standard error, with single spaces."""
    return " ".join(capsys.readouterr().err.split())


@pytest.mark.parametrize("command", [["inspect"], ["report", "-o", "x.html"]])
def test_a_file_that_is_not_there(here, capsys, command):
    """'cannot be read: No such file or directory', and no next step."""
    assert main([*command, "no-such-file"]) == 2
    assert "There is no file 'no-such-file'; check the path" in said(capsys)
    assert main([*command, "."]) == 2
    assert "'.' is a folder; give the path of a file in it" in said(capsys)


def test_a_comparison_that_cannot_be_written(here, capsys):
    """All runs were made before the folder was tried, and then '[Errno 20]' stood there."""
    pytest.importorskip("matplotlib")
    code = main(
        ["compare", "rows.csv", "--labels", "sun", "--models", "ihomer", "-o", "rows.csv/x"]
    )
    out = capsys.readouterr()
    assert code == 2
    assert not out.out
    assert "The folder 'rows.csv/x' cannot be made" in " ".join(out.err.split())


def test_warnings_of_a_comparison(here, capsys):
    """The warnings of 'compare' did not say who warns."""
    words = ["compare", "rows.csv", "--labels", "sun", "--models", "ihomer"]
    assert main([*words, "--limit", "120"]) == 0
    out = capsys.readouterr()
    assert "drifthomer: warning: rows.csv: most values of column 'note' are new" in out.err
    assert "rows: 120 rows, 1 label " in out.out
    assert main([*words, "--text", "note"]) == 0
    assert "warning" not in capsys.readouterr().err


def test_one_is_no_plural(here, capsys):
    """'1 features, 1 labels'."""
    words = ["--labels", "sun", "--ignore", "note", "--model", "multilabel-hoeffding-tree"]
    assert main(["prequential", "rows.csv", *words]) == 0
    assert "120 rows × 1 feature, 1 label (" in capsys.readouterr().out


def test_a_file_without_a_line_of_names(here, capsys):
    """A row of values as names: 'given twice', and no word of --no-header."""
    assert main(["prequential", "bare.csv", "--labels", "-1"]) == 1
    assert "is read with --no-header (header=False)" in said(capsys)
    assert main(["prequential", "bare.csv", "--labels", "-1", "--no-header"]) == 0


@pytest.mark.parametrize("command", sorted(cli.commands))
def test_the_list_of_commands_is_whole(command):
    """'drifthomer --help' cut sentences in the middle."""
    assert not cli.commands[command].get_short_help_str(limit=56).endswith("...")


@pytest.mark.parametrize("command", sorted(cli.commands))
def test_each_option_says_what_it_is(command):
    """'--rate ROWS_PER_SECOND  [default: ...]' and '--name LEARNER  Of the learner'."""
    for each in cli.commands[command].params:
        if isinstance(each, click.Option):
            said = (each.help or "").partition("[default")[0].strip()
            assert said, each.name
            assert not said.startswith("Of "), each.name
            assert said.endswith((".", ",")), each.name
