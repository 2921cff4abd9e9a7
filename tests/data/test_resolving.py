from __future__ import annotations

import gzip
import shutil

import pytest
from data_helpers import read, same, write

from stream.data import (
    ArffSource,
    CsvSource,
    JsonLinesSource,
    LibsvmSource,
    entries,
    find_entry,
    open_source,
    resolve,
    resolving,
)
from stream.data.catalogue import normalise
from stream.errors import DataError, NotAvailableError, ParameterError

ARFF = "@relation 'a: -C -1'\n@attribute a numeric\n@attribute l {0,1}\n@data\n1,1\n"


@pytest.fixture(autouse=True)
def no_environment(monkeypatch, tmp_path):
    monkeypatch.delenv(resolving.DATA_ENVIRONMENT, raising=False)
    monkeypatch.chdir(tmp_path)


def test_names_are_unique_and_spelt_one_way():
    names = [
        name
        for entry in entries()
        for name in {normalise(name) for name in (entry.name, *entry.aliases)}
    ]
    assert len(names) == len(set(names))
    for entry in entries():
        assert entry.name == entry.name.lower()
        assert "_" not in entry.name
        assert entry.home.startswith("https://")
        assert (entry.sha256 is None) == (entry.bytes is None)
        assert entry.url is None or entry.sha256 is not None, "a download needs a checksum"
        assert entry.rows > 0 < entry.labels


@pytest.mark.parametrize("name", ["WaterQuality", "water-quality", "Water_quality", "WQ"])
def test_spelling_does_not_matter(name):
    assert find_entry(name).name == "water-quality"


@pytest.mark.parametrize(
    ("name", "text", "options", "kind"),
    [
        ("a.arff", ARFF, {}, ArffSource),
        ("a.csv", "a,l\n1,1\n", {"labels": ["l"]}, CsvSource),
        ("a.tsv", "a\tl\n1\t1\n", {"labels": ["l"]}, CsvSource),
        ("a.svm", "0 1:1\n", {}, LibsvmSource),
        ("a.libsvm", "0 1:1\n", {}, LibsvmSource),
        ("a.txt", "1 2 2\n0 1:1\n", {}, LibsvmSource),
        ("a.jsonl", '{"a": 1, "l": ["x"]}\n', {"labels": "l"}, JsonLinesSource),
        ("a.json", '{"a": 1, "l": ["x"]}\n', {"labels": "l"}, JsonLinesSource),
    ],
)
def test_the_suffix_picks_the_reader(tmp_path, name, text, options, kind):
    write(tmp_path, name, text)
    (tmp_path / f"{name}.gz").write_bytes(gzip.compress(text.encode()))
    for path in (name, tmp_path / name, f"./{name}.gz"):
        source = open_source(path, **options)
        assert type(source) is kind
        assert (source.name, read(source).n_rows) == ("a", 1)
    odd = write(tmp_path, "odd.dat", text)
    assert type(open_source(odd, format=name.partition(".")[2], **options)) is kind


def test_unknown_suffix_missing_file_directory_and_option(tmp_path):
    write(tmp_path, "a.dat", ARFF)
    with pytest.raises(DataError, match=r"ends in '\.dat'.*\.arff"):
        open_source("./a.dat")
    with pytest.raises(NotAvailableError, match="no file"):
        open_source("absent.arff")
    with pytest.raises(DataError, match="directory"):
        open_source(tmp_path)
    with pytest.raises(NotAvailableError, match="no stream or file"):
        open_source("x" * 5000)
    with pytest.raises(DataError, match="cannot be opened"):
        open_source("x" * 5000 + ".csv", labels=["l"])
    write(tmp_path, "a.arff", ARFF)
    with pytest.raises(
        ParameterError, match=r"delimiter \(--delimiter\) does not apply to \.arff files; allowed"
    ):
        open_source("a.arff", delimiter=",")


def test_bundled_data():
    yeast = open_source("Yeast")
    assert (yeast.name, yeast.n_rows) == ("yeast", 2417)
    assert (len(yeast.schema.features), len(yeast.schema.labels)) == (103, 14)
    assert read(yeast).n_rows == 2417
    flare = open_source("solar-flare")
    batch = read(flare)
    assert (batch.n_rows, len(flare.schema.labels)) == (1066, 3)
    assert len(batch.y_indices) / 1066 == pytest.approx(
        find_entry("solar-flare").cardinality, abs=1e-4
    )


def test_generators_are_found_by_name():
    from stream.data import synthetic

    for name in synthetic.names():
        assert find_entry(name) is None, "a generator and a benchmark stream share a name"
    name = synthetic.names()[0]
    first = next(open_source(name.upper(), seed=5).batches(10))
    assert same(first, next(synthetic.create(name, seed=5).batches(10)))
    assert open_source("sea-a:rows=12").n_rows == 12
    with pytest.raises(ParameterError, match="'labels' does not apply to generators"):
        open_source(name, labels=3)
    with pytest.raises(NotAvailableError, match=f"'{name}'"):
        open_source(name + "x")


def test_a_name_is_looked_up_in_folders_and_just_below(tmp_path, monkeypatch):
    mine, env = tmp_path / "mine", tmp_path / "env"
    (env / "deep").mkdir(parents=True)
    mine.mkdir()
    write(env / "deep", "Emotions.arff", ARFF)
    with pytest.raises(NotAvailableError):
        resolve("music", download=False)
    monkeypatch.setenv(resolving.DATA_ENVIRONMENT, f"{tmp_path / 'absent'}:{env}")
    source = resolve("music", download=False)
    assert source.path == env / "deep" / "Emotions.arff"
    assert source.name == "emotions"
    assert source.n_rows is None, "this is not the file that the catalogue measured"
    write(mine, "emotions.arff", ARFF)
    assert resolve("music", mine).path == mine / "emotions.arff"
    assert resolve("music", [str(mine)]).path == mine / "emotions.arff"
    write(mine, "my_own.arff", ARFF)
    assert resolve("My-Own", mine).path == mine / "my_own.arff"


def test_the_error_lists_what_was_tried_and_what_to_do(tmp_path):
    with pytest.raises(NotAvailableError) as caught:
        resolve("mediamill", tmp_path)
    message = str(caught.value)
    for word in (
        str(tmp_path),
        "mediamill.arff",
        "https://www.uco.es/kdis/mllresources/",
        "DRIFTHOMER_DATA",
        "--data-dir",
    ):
        assert word in message
    with pytest.raises(NotAvailableError, match=r"Did you mean 'emotions'.*drifthomer datasets"):
        resolve("emotoins")
    with pytest.raises(NotAvailableError, match="no such folder"):
        resolve("scene", tmp_path / "absent")


def test_a_failed_download_is_part_of_the_error(monkeypatch):
    def fail(*args, **options):
        raise ValueError("SHA256 hash of downloaded file does not match\nmore")

    monkeypatch.setattr("pooch.retrieve", fail)
    with pytest.raises(
        NotAvailableError, match=r"a download from https://.*does not match\)"
    ) as caught:
        resolve("birds")
    assert "more" not in str(caught.value)
    monkeypatch.setattr("pooch.retrieve", None)
    with pytest.raises(NotAvailableError, match="switched off"):
        resolve("birds", download=False)


def test_a_download_is_checked_and_cached(tmp_path, monkeypatch, data_dir):
    """The file comes from a local folder here: pooch asks the address, checks the sum and keeps the
    file.
    """
    entry = find_entry("virus-go")
    fetched = tmp_path / "VirusGO.arff"
    with gzip.open(data_dir / "VirusGO.arff.gz") as packed, fetched.open("wb") as out:
        shutil.copyfileobj(packed, out)
    asked = []

    def download(url, output_file, pooch):
        asked.append(url)
        shutil.copy(fetched, output_file)

    monkeypatch.setattr("pooch.core.choose_downloader", lambda *a, **k: download)
    monkeypatch.setattr("pooch.os_cache", lambda name: tmp_path / "cache")
    for _ in range(2):
        source = resolve("VirusGO")
        assert (source.n_rows, read(source).n_rows) == (207, 207)
    assert asked == [entry.url]
    (tmp_path / "cache" / "virus-go.arff").write_text("broken")
    fetched.write_text("broken")
    with pytest.raises(NotAvailableError, match="download"):
        resolve("VirusGO")


def test_every_benchmark_file_is_found_by_name(data_dir, monkeypatch):
    monkeypatch.setenv(resolving.DATA_ENVIRONMENT, str(data_dir))
    # Streams of Debian's packages are made anew where they are wanted, and opened by their paths.
    for path in [*data_dir.glob("*.arff.gz"), *data_dir.glob("driftmoe/*.gz")]:
        stem = path.name.split(".")[0]
        entry = find_entry(stem)
        assert entry is not None, stem
        assert resolve(entry.name, download=False).path == path
        assert resolve(stem, download=False).n_rows == entry.rows
