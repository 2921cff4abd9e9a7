from __future__ import annotations

import math

import numpy as np
import pytest
from data_helpers import dense, matrices, read, refused, rows_before_error, same, write
from hypothesis import given
from hypothesis import strategies as st

from stream.data import ArffSource, arff
from stream.data.arff_header import Header
from stream.errors import DataError

HEAD = """% a comment
@RELATION 'moods: -C -2'

@Attribute tempo NUMERIC
@attribute key {major, minor}
@attribute 'it''s' {0,1}
@attribute happy {0,1}
@ATTRIBUTE calm {0,1}
@DATA
""".replace("it''s", r"it\'s")


def pairs(path, **options):
    return list(ArffSource(path, **options))


def text_of(x, y, sparse: bool, labels_first: bool = False) -> str:
    n_features, n_labels = x.shape[1], y.shape[1]
    features = [f"@attribute 'f {i}' numeric" for i in range(n_features)]
    labels = [f"@attribute l{i} {{0,1}}" for i in range(n_labels)]
    order = labels + features if labels_first else features + labels
    k = n_labels if labels_first else -n_labels
    out = [f"@relation 'r: -C {k}'", *order, "@data"]
    for row, truth in zip(x, y, strict=True):
        cells = ["?" if math.isnan(v) else repr(float(v)) for v in row]
        marks = ["?" if math.isnan(v) else str(int(v)) for v in truth]
        both = marks + cells if labels_first else cells + marks
        if sparse:
            kept = [f"{i} {c}" for i, c in enumerate(both) if c not in ("0", "0.0", "-0.0")]
            out.append("{" + ", ".join(kept) + "}")
        else:
            out.append(",".join(both))
    return "\n".join(out) + "\n"


@given(matrices(), st.booleans(), st.booleans())
def test_round_trip(tmp_path_factory, xy, sparse, labels_first):
    x, y = xy
    y[0, 0] = math.nan  # an unknown label
    path = write(tmp_path_factory.mktemp("arff"), "a.arff", text_of(x, y, sparse, labels_first))
    source = ArffSource(path)
    assert source.schema.features == [f"f {i}" for i in range(x.shape[1])]
    assert source.schema.labels == [f"l{i}" for i in range(y.shape[1])]
    x2, y2 = dense(read(source), x.shape[1], y.shape[1])
    np.testing.assert_array_equal(x2, x)
    np.testing.assert_array_equal(y2, y)


@given(matrices(), st.booleans())
def test_fast_and_exact_path_agree(tmp_path_factory, xy, sparse):
    path = write(tmp_path_factory.mktemp("arff"), "a.arff", text_of(*xy, sparse))
    fast = read(ArffSource(path))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(arff, "parse_fast", lambda plan, rows: None)
        exact = read(ArffSource(path))
    assert same(fast, exact)


@given(
    st.lists(st.tuples(st.integers(0, 2), st.integers(0, 2), st.integers(0, 1)), min_size=1),
    st.data(),
)
def test_nominals_fast_exact_sparse_and_dense_agree(tmp_path_factory, rows, data):
    """The first declared value is what a sparse row leaves out, whatever it is."""
    sizes, colours, labels = ["7", "0", "2"], ["red", "green", "blue"], ["1", "0"]
    head = (
        "@relation 'r: -C -1'\n@attribute size {7,0,2}\n@attribute colour {red,green,blue}\n"
        "@attribute l {1,0}\n@data\n"
    )
    values = [(sizes[a], colours[b], labels[c]) for a, b, c in rows]
    folder = tmp_path_factory.mktemp("arff")
    plain = head + "".join(",".join(row) + "\n" for row in values)
    first = ("7", "red", "1")
    kept = [
        [f"{i} {v}" for i, v in enumerate(row) if v != first[i] or data.draw(st.booleans())]
        for row in values
    ]
    sparse = head + "".join("{" + ",".join(row) + "}\n" for row in kept)

    def quoted(text):
        body = text.partition("@data\n")
        return "".join(body[:2]) + body[2].replace("red", "'red'").replace("blue", '"blue"')

    expected_x = [[float(a), *(float(b == c) for c in colours)] for a, b, _ in values]
    expected_y = [[float(c)] for _, _, c in values]
    for text in (plain, sparse, quoted(plain), quoted(sparse)):
        source = ArffSource(write(folder, "a.arff", text))
        assert source.schema.features == ["size", "colour=red", "colour=green", "colour=blue"]
        x, y = dense(read(source), 4, 1)
        np.testing.assert_array_equal(x, expected_x)
        np.testing.assert_array_equal(y, expected_y)


def test_keywords_comments_quotes_and_missing(tmp_path):
    body = "% no row\n 120 ,\tminor, 1, 1, 0 % note\n\n?,?,?,?,?\n"
    body += "{0 -1.5e2, 1 minor, 4 1}\n{}\n90\tmajor\t0\t1\t1\n"
    rows = pairs(write(tmp_path, "a.arff", HEAD + body))
    assert [y for _, y in rows] == [
        {"happy": True, "calm": False},
        {},
        {"happy": False, "calm": True},
        {"happy": False, "calm": False},
        {"happy": True, "calm": True},
    ]
    assert rows[0][0] == {"tempo": 120.0, "key=minor": 1.0, "it's": 1.0}
    assert list(rows[1][0]) == ["tempo", "key=major", "key=minor", "it's"]
    assert all(math.isnan(value) for value in rows[1][0].values())
    assert rows[2][0] == {"tempo": -150.0, "key=minor": 1.0}
    assert rows[3][0] == {"key=major": 1.0}
    assert rows[4][0] == {"tempo": 90.0, "key=major": 1.0}


def test_every_way_to_say_which_are_the_labels(tmp_path):
    plain = HEAD.replace(": -C -2", "").replace("key {major, minor}", "key {0,1}")
    path = write(tmp_path, "a.arff", plain + "1,1,0,1,0\n")
    assert ArffSource(path, labels=-1).schema.labels == ["calm"]
    assert ArffSource(path, labels=["calm", "key"]).schema.labels == ["key", "calm"]
    assert ArffSource(path, target="happy").schema.labels == ["0", "1"]
    default = ArffSource(path)
    assert (default.schema.task, default.schema.labels) == ("single-label", ["0", "1"])
    assert pairs(path) == [({"tempo": 1.0, "key": 1.0, "happy": 1.0}, "0")]
    xml = '<labels xmlns="http://mulan.sourceforge.net/labels">'
    xml += '<label name="happy"><label name="key"/></label></labels>'
    elsewhere = write(tmp_path, "names.xml", xml)
    assert ArffSource(path, labels_xml=elsewhere).schema.labels == ["key", "happy"]
    write(tmp_path, "a.xml", xml)
    assert ArffSource(path).schema.labels == ["key", "happy"]
    train = write(tmp_path, "a-train.arff", path.read_text())
    assert ArffSource(train).schema.labels == ["key", "happy"]
    first = write(
        tmp_path,
        "first.arff",
        HEAD.replace("-C -2", "-c 2 -split 5")
        .replace("tempo NUMERIC", "tempo {0,1}")
        .replace("{major, minor}", "{no,yes}")
        + "1,yes,0,1,0\n",
    )
    assert ArffSource(first).schema.labels == ["tempo", "key"]
    assert pairs(first)[0][1] == {"tempo": True, "key": True}


def test_second_pass_equals_the_first_and_chunks_do_not_matter(tmp_path):
    path = write(tmp_path, "a.arff", HEAD + "120,minor,1,1,0\n" * 25)
    source = ArffSource(path)
    whole = read(source)
    for chunk_rows in (1, 7, 1000):
        assert same(read(source, chunk_rows), whole)


@pytest.mark.parametrize("sparse", [False, True])
@pytest.mark.parametrize("at", [1, 3])
def test_refused_rows(tmp_path, sparse, at):
    line = HEAD.count("\n") + at

    def row_at(row):
        good = "{0 120,1 minor,3 1}" if sparse else "120,minor,0,1,0"
        rows = [good] * 3
        rows[at - 1] = row
        path = write(tmp_path, "a.arff", HEAD + "\n".join(rows) + "\n")
        return lambda: ArffSource(path)

    def cell(index, text):
        if sparse:
            return row_at(f"{{{index} {text}}}")
        cells = ["120", "minor", "0", "1", "0"]
        cells[index] = text
        return row_at(",".join(cells))

    where = {"line": line, "source": tmp_path / "a.arff"}
    refused(cell(0, "abc"), "expected a number, got 'abc'", column="tempo", **where)
    refused(cell(0, "1_000"), "expected a number", column="tempo", **where)
    refused(cell(0, "inf"), "finite", column="tempo", **where)
    refused(cell(0, "-1e999"), "finite", column="tempo", **where)
    refused(cell(1, "flat"), "expected one of {major,minor}, got 'flat'", column="key", **where)
    refused(cell(3, "2"), "expected one of {0,1}, got '2'", column="happy", **where)
    refused(cell(4, "yes"), "expected one of {0,1}", column="calm", **where)
    if sparse:
        refused(row_at("{5 1}"), "attribute index 5 is out of range", column=5, **where)
        refused(row_at("{-1 1}"), "whole number", **where)
        refused(row_at("{0 1, 0 2}"), "given twice", column="tempo", **where)
        refused(row_at("{0 1, 2}"), "'index value' pairs", **where)
        refused(row_at("{0 1 7, 2 1}"), "got '1 7'", column="tempo", **where)
        refused(row_at("{0 1"), "line ends", **where)
        refused(row_at("{0 1}, {5}"), "instance weights", **where)
    else:
        refused(row_at("1,minor,0"), "expected 5 values, one for each attribute, got 3", **where)
        refused(row_at("1,minor,0,1,0,1"), "got 6", **where)
        refused(row_at("1,'minor,0,1,0"), "expected a value but found", **where)


def test_rows_before_a_bad_one_are_yielded(tmp_path):
    path = write(
        tmp_path, "a.arff", HEAD + "1,minor,0,1,0\n" * 4 + "x,minor,0,1,0\n" + "1,minor,0,1,0\n"
    )
    for chunk_rows in (1, 3, 1000):
        assert rows_before_error(ArffSource(path).batches(chunk_rows))[0] == 4


@pytest.mark.parametrize(
    ("header", "line", "column", "word"),
    [
        (
            "@relation r\n@attribute a numeric\n@attribute a numeric\n@data\n",
            3,
            "a",
            "declared twice, first on line 2",
        ),
        ("@relation r\n@attribute a text\n@data\n", 2, "a", "the type must be"),
        (
            "@relation 'r: -C 1'\n@attribute l {0,1}\n@attribute a string\n@data\n",
            3,
            "a",
            "--text a",
        ),
        (
            "@relation 'r: -C 1'\n@attribute l {0,1}\n@attribute a date\n@data\n",
            3,
            "a",
            "--ignore a",
        ),
        ("@relation r\n@attribute a {x,y\n@data\n", 2, "a", "malformed"),
        ("@relation r\n@attribute a {x,x}\n@data\n", 2, "a", "'x' is declared twice"),
        ("@relation r\n@attribute a {}\n@data\n", 2, "a", "no nominal values"),
        ("@relation r\n@attribute\n@data\n", 2, None, "needs a name"),
        ("@relation r\n@data\n", 2, None, "no @attribute"),
        ("hello\n", 1, None, "is this an ARFF file?"),
        ("@relation r\n@attribute a numeric\n", None, None, "ends before @data"),
        (
            "@relation 'r: -C -1'\n@attribute a numeric\n@attribute l {a,b}\n@data\n",
            3,
            "l",
            "a label must be",
        ),
        (
            "@relation 'r: -C 5'\n@attribute a numeric\n@attribute l {0,1}\n@data\n",
            None,
            None,
            "range 1 to 2",
        ),
        (
            "@relation r\n@attribute l {0,1}\n@attribute a numeric\n@data\n",
            None,
            None,
            "declares no labels",
        ),
        (
            "@relation 'r: -C -1'\n@attribute a {b,c}\n@attribute a=b numeric\n@attribute l "
            "{0,1}\n@data\n",
            5,
            "a=b",
            "called like",
        ),
    ],
)
def test_refused_headers(tmp_path, header, line, column, word):
    path = write(tmp_path, "a.arff", header)
    refused(lambda: ArffSource(path), word, line=line, column=column, source=path)


def test_refused_arguments(tmp_path):
    path = write(tmp_path, "a.arff", HEAD)
    for options, word in [
        ({"labels": ["sad"]}, "no attribute 'sad'"),
        ({"labels": []}, "empty"),
        ({"labels": 0}, "range 1 to 5"),
        ({"target": "sad"}, "no attribute 'sad'"),
        ({"target": "tempo"}, "nominal"),
        ({"labels_xml": write(tmp_path, "a.xml", "<labels>")}, "not well-formed"),
        ({"labels_xml": write(tmp_path, "b.xml", "<labels/>")}, "expected elements"),
        ({"labels_xml": write(tmp_path, "c.xml", "<!DOCTYPE x><labels/>")}, "DOCTYPE"),
    ]:
        with pytest.raises(DataError, match=word):
            ArffSource(path, **options)
    assert ArffSource(path, labels="happy").schema.labels == ["happy"]


WEKA = "weka.filters.supervised.attribute.AttributeSelection-Eweka.attributeSelection."


@pytest.mark.parametrize(
    ("relation", "labels"),
    [
        (f"heart-{WEKA}WrapperSubsetEval -B weka.classifiers.functions.SMO -F 5 -- -C 1.0", None),
        (f"heart-{WEKA}CfsSubsetEval-Sweka.attributeSelection.GeneticSearch -Z 20 -C 0.6", None),
        (f"heart-{WEKA}WrapperSubsetEval -B weka.classifiers.trees.J48 -- -C 0.25 -M 2", None),
        (f"heart-{WEKA}X -C 2", None),
        ("heart: -C 1.0", None),
        (f"heart: {WEKA}X -C 2", None),
        ("heart -C 2", None),
        ("heart: -C 2", 2),
        ("heart:-c -3", -3),
        ("heart: -split-number 50 -C -3", -3),
        ("heart: -V -C 3 -split-percent 66.0", 3),
        ("heart: -C -3-weka.filters.unsupervised.attribute.Remove-R1", -3),
    ],
)
def test_only_mekas_own_option_counts_labels(relation, labels):
    """The -C of a filter that Weka wrote into the relation's name was taken for it."""
    assert Header(relation, [], 1).meka_labels == labels


def test_a_row_on_the_line_of_data_is_read(tmp_path):
    """It was dropped without a word."""
    head = "@relation x\n@attribute a numeric\n@attribute c {u,v}\n"
    rows = [({"a": 10.0}, "u"), ({"a": 20.0}, "v")]
    assert list(ArffSource(write(tmp_path, "a.arff", head + "@data 10,u\n20,v\n"))) == rows
    assert list(ArffSource(write(tmp_path, "b.arff", head + "@DATA % rows\n10,u\n20,v\n"))) == rows
    bad = write(tmp_path, "c.arff", head + "@data 10,w\n20,v\n")
    refused(lambda: ArffSource(bad), "expected one of {u,v}", line=4, column="c", source=bad)
    sparse = write(tmp_path, "d.arff", head + "@data{0 10}\n{0 20,1 v}\n")
    assert list(ArffSource(sparse)) == rows


@pytest.mark.parametrize(
    "row",
    [
        "1.5 'a b' x 1",
        "1.5\t'a b'\tx\t1",
        "1.5, 'a b' x\t1",
        ' 1.5 "a b" x 1 % note',
        "1.5,'a b',x,1",
    ],
)
def test_values_separated_by_blanks_or_tabs(tmp_path, row):
    """Weka takes blanks, tabs and commas as separators."""
    head = (
        "@relation 'r: -C -1'\n@attribute n numeric\n@attribute q {'a b',c}\n"
        "@attribute r {x,y}\n@attribute l {0,1}\n@data\n"
    )
    path = write(tmp_path, "a.arff", f"{head}{row}\n2 c y 0\n")
    assert list(ArffSource(path)) == [
        ({"n": 1.5, "q=a b": 1.0, "r=x": 1.0}, {"l": True}),
        ({"n": 2.0, "q=c": 1.0, "r=y": 1.0}, {"l": False}),
    ]


@pytest.mark.parametrize("sparse", [False, True])
def test_text_and_ignored_attributes(tmp_path, sparse):
    head = (
        "@relation 'r: -C -1'\n@attribute id string\n@attribute when date 'yyyy-MM-dd'\n"
        "@attribute body string\n@attribute n numeric\n@attribute l {0,1}\n@data\n"
    )
    rows = ["x1,2020-01-01,'Red, red wine',3,1", "x2,?,?,4,0", "'x 3',2020-01-03,wine,?,1"]
    if sparse:
        rows = [
            "{0 x1,1 2020-01-01,2 'Red, red wine',3 3,4 1}",
            "{0 x2,1 ?,2 ?,3 4}",
            "{0 'x 3',2 wine,3 ?,4 1}",
        ]
    path = write(tmp_path, "a.arff", head + "\n".join(rows) + "\n")
    source = ArffSource(path, text=["body"], ignore=["id", "when"])
    first, second, third = source
    assert first == ({"n": 3.0, "body:red": 2.0, "body:wine": 1.0}, {"l": True})
    assert second == ({"n": 4.0}, {"l": False})
    assert math.isnan(third[0].pop("n"))
    assert third == ({"body:wine": 1.0}, {"l": True})
    assert source.schema.features == ["n", "body:red", "body:wine"]
    assert same(read(source, 1), read(source))
    # Without text the block-wise path reads them, and must leave the same columns out.
    plain = ArffSource(path, ignore=["id", "when", "body"])
    assert [x.keys() for x, _ in plain] == [{"n"}] * 3
    with pytest.raises(DataError, match="no attribute 'x' to be ignored"):
        ArffSource(path, ignore=["x"])
    with pytest.raises(DataError, match="named as two"):
        ArffSource(path, ignore=["id", "when", "body", "l"])
    with pytest.raises(DataError, match="type string"):
        ArffSource(path, text=["n"], ignore=["id", "when", "body"])
