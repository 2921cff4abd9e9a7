"""Which reader a file needs, by the suffix of its name."""

from __future__ import annotations

import importlib
import inspect
import os
from typing import Any

from stream.data.opening import strip_compression
from stream.data.source import Source
from stream.errors import DataError, ParameterError

# Suffix of the name without compression suffix: module and class of the reader.
SUFFIXES = {
    ".arff": ("stream.data.arff", "ArffSource"),
    ".csv": ("stream.data.delimited", "CsvSource"),
    ".tsv": ("stream.data.delimited", "CsvSource"),
    ".svm": ("stream.data.libsvm", "LibsvmSource"),
    ".libsvm": ("stream.data.libsvm", "LibsvmSource"),
    ".svmlight": ("stream.data.libsvm", "LibsvmSource"),
    ".txt": ("stream.data.libsvm", "LibsvmSource"),
    ".jsonl": ("stream.data.json_lines", "JsonLinesSource"),
    ".ndjson": ("stream.data.json_lines", "JsonLinesSource"),
    ".json": ("stream.data.json_lines", "JsonLinesSource"),
    ".parquet": ("stream.data.frames", "ParquetSource"),
}


def open_path(path: str | os.PathLike[str], *, format: str | None = None, **options: Any) -> Source:
    """Open a file with the reader that its suffix names.

    Parameters
    ----------
    path
        File whose name ends in one of ``.arff``, ``.csv``, ``.tsv``, ``.svm``, ``.libsvm``,
        ``.svmlight``, ``.txt``, ``.jsonl``, ``.ndjson``, ``.json``, ``.parquet``, also followed by
        ``.gz``, ``.bz2``, ``.zst`` or ``.xz``.
    format
        One of these suffixes (with or without the dot) for a file that is named otherwise.
    **options
        Parameters of the reader.

    Raises
    ------
    ParameterError
        When the reader does not know an option.
    """
    if format is not None and not isinstance(format, str):
        raise ParameterError(f"'format' must be a suffix such as 'csv'. Got {format!r}.")
    suffix = (
        strip_compression(path).suffix.lower()
        if format is None
        else "." + format.lower().lstrip(".")
    )
    if suffix not in SUFFIXES:
        what = f"the name ends in {suffix!r}" if suffix else "the name has no suffix"
        raise DataError(
            f"{what}, which tells no format; allowed are {', '.join(SUFFIXES)} (also "
            "compressed): rename the file, or say so with --format csv (format='csv')",
            source=os.fspath(path),
        )
    if suffix == ".tsv":
        options.setdefault("delimiter", "\t")
    module, name = SUFFIXES[suffix]
    reader = getattr(importlib.import_module(module), name)
    allowed = [p for p in inspect.signature(reader).parameters if p != "path"]
    unknown = sorted(set(options) - set(allowed))
    if unknown:
        hint = ""
        if "target" in unknown and "task" in allowed:
            hint = "; one class a row: --task single-label (task='single-label')"
        raise ParameterError(
            f"The option {option(unknown[0])} does not apply to {suffix} files; allowed are "
            f"{', '.join(map(option, allowed))}{hint}. Got {unknown[0]}={options[unknown[0]]!r}."
        )
    return reader(path, **options)


def option(name: str) -> str:
    """A parameter as it is called in Python and on the command line.

    Examples
    --------
    >>> option("zero_based")
    'zero_based (--zero-based)'
    """
    return f"{name} (--{name.replace('_', '-')})"
