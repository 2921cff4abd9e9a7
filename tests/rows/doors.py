"""Every door through which rows reach a model: each teaches a new model and returns its bytes."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from stream import HoeffdingTreeClassifier, MultiLabelHoeffdingTree
from stream.data import CsvSource, FrameSource, JsonLinesSource, PairSource, ParquetSource
from stream.kafka.clients.interface import Record
from stream.kafka.messages.decoding import FieldDecoder
from stream.kafka.messages.field_mapping import FieldMapping
from stream.kafka.messages.row_encoder import MessageRowEncoder
from stream.rows import values
from stream.rows.cells import MISSING_WORDS, parse_cell
from stream.rows.values import kind_of, name_of
from stream.snapshot import dumps

Rows = list[tuple[dict[Any, Any], Any]]
CLASS = "the class"


class NoWayError(Exception):
    """A door has no way to say such a value."""


def new_model(rows: Rows) -> Any:
    single = not isinstance(rows[0][1], dict | set)
    return (HoeffdingTreeClassifier if single else MultiLabelHoeffdingTree)(seed=1)


# ---- one row at a time, and pairs


def one_by_one(rows: Rows, folder: Any) -> bytes:
    model = new_model(rows)
    for x, y in rows:
        model.learn_one(x, y)
    return dumps(model)


def learnt(rows: Rows, source: Any, chunk_rows: int = 3) -> bytes:
    model = new_model(rows)
    for batch in source.batches(chunk_rows):
        model.learn_batch(batch, source.schema)
    return dumps(model)


def pairs(rows: Rows, folder: Any) -> bytes:
    single = not isinstance(rows[0][1], dict | set)
    return learnt(rows, PairSource(rows, task="single-label" if single else "multi-label"))


# ---- JSON


def as_json(value: Any) -> Any:
    """A value as JSON can say it."""
    kind = kind_of(value)
    if kind is values.NUMBER:
        number = int(value) if isinstance(value, int | np.integer) else float(value)
        if math.isinf(number):
            raise NoWayError
        return number
    if kind is values.TRUTH_VALUE:
        return bool(value)
    if kind is values.TEXT:
        return str.__str__(value)
    if kind is values.ENUM:
        return as_json(value.value)
    if kind is values.MISSING:
        return None
    if kind is values.LIST and not isinstance(value, np.ndarray):
        return [as_json(each) for each in value]
    if kind is values.MAPPING:
        return {as_json_name(name): as_json(each) for name, each in value.items()}
    raise NoWayError


def as_json_name(name: Any) -> str:
    if kind_of(name) is not values.TEXT:
        raise NoWayError  # the names of JSON are texts
    return str.__str__(name)


def as_json_truth(y: Any) -> Any:
    if isinstance(y, set):
        return [as_json_name(label) for label in y]
    if kind_of(y) is values.LIST:
        raise NoWayError  # a tuple is a class, a list is not
    return as_json(y)


def json_lines(rows: Rows, folder: Any) -> bytes:
    path = folder / "rows.jsonl"
    lines = [json.dumps(as_json(x) | {"the labels": as_json_truth(y)}) for x, y in rows]
    path.write_text("\n".join(lines), encoding="utf-8")
    single = not isinstance(rows[0][1], dict | set)
    field = {"target" if single else "labels": "the labels"}
    return learnt(rows, JsonLinesSource(path, **field))


def messages(rows: Rows, folder: Any) -> bytes:
    single = not isinstance(rows[0][1], dict | set)
    decoder = FieldDecoder(FieldMapping(target="y" if single else None))
    encoder = MessageRowEncoder("single-label" if single else "multi-label")
    found = []
    for x, y in rows:
        value = json.dumps({"x": as_json(x), "y": as_json_truth(y)}).encode()
        if b"\\ud83d" in value:
            raise NoWayError  # half a pair of surrogates is no JSON there
        found += decoder.rows(Record(0, b"k", value, 0))
    model = new_model(rows)
    for batch, _ in encoder.segments([row.x for row in found], [row.y for row in found]):
        model.learn_batch(batch, encoder.schema)
    return dumps(model)


# ---- frames


def columns_of(rows: Rows) -> tuple[dict[Any, list[Any]], dict[Any, list[Any]]]:
    """Features and labels (single-label: the class) as columns; where a row says nothing it is
    None."""
    names = list(dict.fromkeys(name for x, _ in rows for name in x))
    features = {name: [x.get(name, 0) for x, _ in rows] for name in names}
    if any(name not in x for x, _ in rows for name in names):
        raise NoWayError  # what is left out is 0, which texts cannot be
    if any(isinstance(y, set) for _, y in rows):
        raise NoWayError
    if not isinstance(rows[0][1], dict):
        return features, {CLASS: [y for _, y in rows]}
    labels = list(dict.fromkeys(label for _, y in rows for label in y))
    if not {*map(name_of, labels)}.isdisjoint(map(name_of, names)):
        raise NoWayError  # the names of columns differ
    return features, {label: [y.get(label) for _, y in rows] for label in labels}


def pandas_frame(columns: dict[Any, list[Any]], **options: Any) -> pd.DataFrame:
    try:
        series = [pd.Series(each, **options) for each in columns.values()]
    except UnicodeEncodeError:
        raise NoWayError from None
    frame = pd.concat(series, axis=1) if series else pd.DataFrame()
    frame.columns = pd.Index(list(columns), dtype=object, tupleize_cols=False)
    return frame


def of_objects(columns: dict[Any, list[Any]]) -> pd.DataFrame:
    return pandas_frame(columns, dtype=object)


def nullable(columns: dict[Any, list[Any]]) -> pd.DataFrame:
    return pandas_frame(columns).convert_dtypes()


def polars_frame(columns: dict[Any, list[Any]]) -> pl.DataFrame:
    if not all(type(name) is str and name for name in columns):
        raise NoWayError
    try:
        return pl.DataFrame([pl.Series(name, each) for name, each in columns.items()])
    except (TypeError, ValueError, AttributeError, RuntimeError, pl.exceptions.PolarsError):
        raise NoWayError from None
    except pl.exceptions.PanicException:
        raise NoWayError from None


def arrow_table(columns: dict[Any, list[Any]]) -> pa.Table:
    if not all(type(name) is str for name in columns):
        raise NoWayError
    if any({bytes, str} <= set(map(type, column)) for column in columns.values()):
        raise NoWayError  # Arrow makes bytes of the texts
    try:
        return pa.table({name: pa.array(each) for name, each in columns.items()})
    except (pa.ArrowException, TypeError, ValueError, OverflowError):
        raise NoWayError from None


def outputs(truths: dict[Any, list[Any]]) -> dict[str, Any]:
    return {"target": CLASS} if list(truths) == [CLASS] else {"labels": list(truths)}


def frame_source(make: Callable) -> Callable[[Rows, Any], bytes]:
    def door(rows: Rows, folder: Any) -> bytes:
        features, truths = columns_of(rows)
        return learnt(rows, FrameSource(make(features | truths), **outputs(truths)))

    return door


def without_order(model: Any) -> bytes:
    """What was learnt; in which order answers have their columns is the table's alone."""
    model._names.column_order.clear()
    return dumps(model)


def learn_many(make: Callable) -> Callable[[Rows, Any], bytes]:
    def door(rows: Rows, folder: Any) -> bytes:
        features, truths = columns_of(rows)
        model = new_model(rows)
        y = truths[CLASS] if list(truths) == [CLASS] else make(truths)
        model.learn_many(make(features), y)
        return without_order(model)

    return door


def parquet(rows: Rows, folder: Any) -> bytes:
    features, truths = columns_of(rows)
    path = folder / "rows.parquet"
    try:
        pq.write_table(arrow_table(features | truths), path, row_group_size=2)
    except pa.ArrowException:
        raise NoWayError from None
    return learnt(rows, ParquetSource(path, **outputs(truths)))


def array_of_objects(rows: Rows, folder: Any) -> bytes:
    features, truths = columns_of(rows)
    if list(features) != list(range(len(features))) or list(truths) != list(range(len(truths))):
        raise NoWayError  # the columns of arrays have numbers for names
    tables = []
    for columns in (features, truths):
        table = np.empty((len(rows), len(columns)), object)
        for i, column in columns.items():
            for row, value in enumerate(column):
                table[row, i] = value
        tables.append(table)
    model = new_model(rows)
    model.learn_many(*tables)
    return without_order(model)


# ---- cells


def as_cell(value: Any) -> str:
    """A value as a cell can say it."""
    kind = kind_of(value)
    if kind is values.MISSING:
        return ""
    if kind is values.NUMBER:
        return repr(as_json(value))
    if kind is values.TRUTH_VALUE:
        return "true" if value else "false"
    if kind is values.TEXT:
        text = str.__str__(value)
        words = text.lower() in MISSING_WORDS
        if text == text.strip() and not words and parse_cell(text) is None and text.isprintable():
            return text
    raise NoWayError


def cells(rows: Rows, folder: Any) -> bytes:
    features, truths = columns_of(rows)
    columns = features | truths
    if not all(type(name) is str and name == name.strip() and name for name in columns):
        raise NoWayError
    for column in features.values():
        kinds = {kind_of(value) for value in column} - {values.MISSING}
        if len(kinds & {values.TEXT}) and len(kinds) > 1:
            raise NoWayError  # a column of cells holds numbers or texts
    if CLASS in truths and any(not isinstance(value, str | None) for value in truths[CLASS]):
        raise NoWayError  # classes are texts there
    path = folder / "rows.csv"
    if not all(name.isprintable() for name in columns):
        raise NoWayError
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        writer.writerows(
            [as_cell(value) for value in row] for row in zip(*columns.values(), strict=True)
        )
    return learnt(rows, CsvSource(path, **outputs(truths)))


DOORS: dict[str, Callable[[Rows, Any], bytes]] = {
    "learn_one": one_by_one,
    "pairs": pairs,
    "JSON lines": json_lines,
    "messages": messages,
    "pandas": frame_source(pandas_frame),
    "pandas, objects": frame_source(of_objects),
    "pandas, nullable": frame_source(nullable),
    "polars": frame_source(polars_frame),
    "Arrow": frame_source(arrow_table),
    "Parquet": parquet,
    "learn_many, pandas": learn_many(pandas_frame),
    "learn_many, objects": learn_many(of_objects),
    "learn_many, polars": learn_many(polars_frame),
    "learn_many, Arrow": learn_many(arrow_table),
    "learn_many, array": array_of_objects,
    "cells": cells,
}


def through_every_door(rows: Rows, folder: Any) -> dict[str, bytes]:
    """Bytes of the model that each door taught which has a way to say these rows."""
    found = {}
    for name, door in DOORS.items():
        try:
            found[name] = door(rows, folder)
        except NoWayError:
            continue
    return found


def groups(taught: dict[str, bytes]) -> list[list[str]]:
    """The doors that taught the same model: one list where all did."""
    found: dict[bytes, list[str]] = {}
    for name, model in taught.items():
        found.setdefault(model, []).append(name)
    return list(found.values())
