"""Resolve what a user names (a file, a benchmark stream, a generator, an object) to a source."""

from __future__ import annotations

import inspect
import os
import struct
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from stream.data.catalogue import Entry, close_names, find_entry, normalise
from stream.data.formats import SUFFIXES, open_path
from stream.data.opening import COMPRESSION_SUFFIXES, strip_compression
from stream.data.pairs import PairSource
from stream.data.source import Source
from stream.errors import DataError, NotAvailableError, ParameterError

DATA_ENVIRONMENT = "DRIFTHOMER_DATA"

PathLike = str | os.PathLike[str]


def open_source(
    data: Any,
    *,
    data_dir: PathLike | Sequence[PathLike] | None = None,
    download: bool = True,
    **options: Any,
) -> Source:
    """Open anything that holds a stream of labelled rows.

    Parameters
    ----------
    data
        A path; the name of a benchmark stream or generator (see :func:`resolve`); a pandas, polars
        or Arrow frame; an iterable of River's ``(x, y)`` pairs or a function that returns one; or a
        `Source`, which is given back as it is.
    data_dir
        Folder, or folders, in which names are looked up before those of the environment variable
        ``DRIFTHOMER_DATA``.
    download
        Whether a named stream may be fetched from its public home.
    **options
        What the format needs, such as ``labels=[...]``, ``target="class"``, ``encoding="latin-1"``,
        ``delimiter=";"``: see :class:`ArffSource`, :class:`CsvSource`, :class:`LibsvmSource`,
        :class:`JsonLinesSource`, :class:`FrameSource`, :class:`PairSource`.

    Returns
    -------
    Source

    Raises
    ------
    NotAvailableError
        When a name or path leads to nothing; the message says what was tried and what to do.
    DataError
        When the data cannot be used.
    ParameterError
        When the format does not know one of the options.

    Examples
    --------
    >>> from stream.data import open_source
    >>> source = open_source([({"tempo": 120}, {"happy": True, "calm": False})])
    >>> next(iter(source))
    ({'tempo': 120.0}, {'calm': False, 'happy': True})
    """
    if isinstance(data, Source):
        if options:
            raise ParameterError(f"a Source takes no options. Got {', '.join(sorted(options))}.")
        return data
    if isinstance(data, str | os.PathLike):
        return resolve(data, data_dir=data_dir, download=download, **options)
    from stream.data.objects import open_object

    return open_object(data, **options)


def resolve(
    name: PathLike,
    data_dir: PathLike | Sequence[PathLike] | None = None,
    *,
    download: bool = True,
    **options: Any,
) -> Source:
    """Find a stream by path or name.

    Tried in this order: an existing file; a generator of `stream.data.synthetic`, also with
    parameters (``name:key=value,...``); a file of that name (``debian_tags`` or, where there are
    several, ``debian_tags.txt.gz``), or of a benchmark stream's file names, in ``data_dir``, in the
    folders of the environment variable ``DRIFTHOMER_DATA`` and in their sub-folders; data that come
    with River; a download, verified by its checksum, into the user's cache.

    Parameters
    ----------
    name
        Path, or name in any spelling that differs only in case, blanks, hyphens and underscores.
    data_dir, download, **options
        As in :func:`open_source`.

    Examples
    --------
    >>> from stream.data import resolve
    >>> source = resolve("yeast")
    >>> len(source.schema.features), len(source.schema.labels)
    (103, 14)
    """
    path, text = Path(name), os.fspath(name)
    folders = _folders(data_dir)
    if os.path.isfile(path) or _looks_like_path(text):
        return open_path(_with_folder(path, folders), **options)
    tried: list[str] = []

    source = _generator(text, options)
    if source is not None:
        return source
    entry = find_entry(text)
    for folder in folders:
        found = _find_file(folder, text, entry)
        if found is not None:
            return _open_file(found, entry, options)
        tried.append(
            f"the folder {str(folder)!r}" + ("" if folder.is_dir() else " (no such folder)")
        )
    if not folders:
        tried.append(f"no folder (neither --data-dir nor {DATA_ENVIRONMENT} is set)")
    if entry is not None and entry.river is not None:
        return _open_river(entry, options)
    if entry is not None and entry.url is not None:
        if download:
            try:
                return _open_file(_download(entry), entry, options)
            except (OSError, ValueError, ImportError) as error:
                first_line = (str(error).splitlines() or [type(error).__name__])[0]
                tried.append(f"a download from {entry.url} ({first_line[:200]})")
        else:
            tried.append("no download (switched off)")
    if os.path.isdir(path):
        raise DataError("is a directory; give the path of a file in it", source=text)
    raise NotAvailableError(_advice(text, entry, tried))


def _looks_like_path(text: str) -> bool:
    suffix = strip_compression(text).suffix.lower()
    separators = [os.sep] + ([os.altsep] if os.altsep else [])
    return (
        suffix in SUFFIXES
        or Path(text).suffix.lower() in COMPRESSION_SUFFIXES
        or any(separator in text for separator in separators)
    ) and not os.path.isdir(text)


def _with_folder(path: Path, folders: list[Path]) -> Path:
    """The file of this very name in one of the folders, or just below, where there is none here."""
    if path.name == os.fspath(path) and not os.path.isfile(path):
        for folder in folders:
            for found in _data_files(folder):
                if found.name == path.name:
                    return found
    return path


def _generator(spec: str, options: dict[str, Any]) -> Source | None:
    """The generator of that name, which parameters may follow (``name:key=value,...``), or None."""
    from stream.data import synthetic

    name, colon, parameters = spec.partition(":")
    known = {normalise(known): known for known in synthetic.names()}
    match = known.get(normalise(name))
    if match is None:
        return None
    allowed = [p for p in inspect.signature(synthetic.create).parameters if p != "spec"]
    unknown = sorted(set(options) - set(allowed))
    if unknown:
        raise ParameterError(
            f"The option {unknown[0]!r} does not apply to generators; allowed are "
            f"{', '.join(allowed)}. Got {unknown[0]}={options[unknown[0]]!r}."
        )
    return synthetic.create(f"{match}{colon}{parameters}", **options)


def _folders(data_dir: PathLike | Sequence[PathLike] | None) -> list[Path]:
    given: Iterable[PathLike]
    if data_dir is None:
        given = ()
    elif isinstance(data_dir, str | os.PathLike):
        given = (data_dir,)
    else:
        given = data_dir
    listed = os.environ.get(DATA_ENVIRONMENT, "").split(os.pathsep)
    return list(dict.fromkeys(Path(folder) for folder in (*given, *filter(None, listed))))


def _find_file(folder: Path, name: str, entry: Entry | None) -> Path | None:
    """A file of the folder, or of one just below, that is named so; files of the catalogue's names
    come first.
    """
    wanted = [normalise(name)]
    if entry is not None:
        stems = (file.rsplit(".", 1)[0] for file in entry.files)
        wanted = [normalise(stem) for stem in (*stems, entry.name, *entry.aliases)]
    found: dict[str, Path] = {}
    for path in _data_files(folder):
        found.setdefault(normalise(strip_compression(path).stem), path)
    return next((found[stem] for stem in wanted if stem in found), None)


def _data_files(folder: Path) -> Iterator[Path]:
    try:
        listed = sorted(folder.iterdir())
        below = [path for sub in listed if sub.is_dir() for path in sorted(sub.iterdir())]
    except OSError:
        return
    for path in (*listed, *below):
        if strip_compression(path).suffix.lower() in SUFFIXES and path.is_file():
            yield path


def _open_file(path: Path, entry: Entry | None, options: dict[str, Any]) -> Source:
    if entry is None:
        return open_path(path, **options)
    if entry.target is not None and not {"target", "labels"} & set(options):
        options = {"target": entry.target, "classes": entry.classes, **options}
    source = open_path(path, **options)
    source.name = entry.name
    # The catalogue's number of rows holds only for the file that was measured.
    if entry.bytes is not None and _content_bytes(path) == entry.bytes:
        source.n_rows = entry.rows
    return source


def _content_bytes(path: Path) -> int | None:
    """Size of the uncompressed content where that costs nothing (modulo 2³² for gzip)."""
    suffix = path.suffix.lower()
    if suffix == ".gz":
        with path.open("rb") as file:
            file.seek(-4, os.SEEK_END)
            return struct.unpack("<I", file.read(4))[0]
    return None if suffix in COMPRESSION_SUFFIXES else path.stat().st_size


def _open_river(entry: Entry, options: dict[str, Any]) -> Source:
    from river import datasets

    dataset = getattr(datasets, entry.river or "")()
    if entry.river == "Yeast":
        # River hands out dictionaries; the same file through our own reader is many times faster.
        if not {"labels", "target"} & set(options):
            options = {"labels": list(dataset._LABELS), **options}
        source = open_path(Path(dataset.path), **options)
    else:
        source = PairSource(dataset, **({"present": "positive"} | options))
        source.tells_rows = False
    source.name = entry.name
    source.n_rows = entry.rows
    return source


def _download(entry: Entry) -> Path:
    import pooch

    assert entry.url is not None
    suffix = strip_compression(entry.url).suffix
    fetched = pooch.retrieve(
        entry.url,
        known_hash=f"sha256:{entry.sha256}",
        path=pooch.os_cache("drifthomer"),
        fname=f"{entry.name}{suffix}",
    )
    return Path(fetched)


def _advice(name: str, entry: Entry | None, tried: list[str]) -> str:
    looked = f"looked in: {'; '.join(tried)}"
    if entry is None:
        from stream.data import synthetic

        close = close_names(name.partition(":")[0], tuple(synthetic.names()))
        hint = f" Did you mean {' or '.join(map(repr, close))}?" if close else ""
        return (
            f"There is no stream or file named {name!r} ({looked}).{hint} "
            "'drifthomer datasets' lists the names."
        )
    files = " or ".join(entry.files) or f"{entry.name}.arff"
    return (
        f"The data of {entry.name!r} are not here ({looked}): get {files} from {entry.home} and "
        "put it, plain or compressed, "
        f"into a folder named by --data-dir (data_dir=...) or {DATA_ENVIRONMENT}."
    )
