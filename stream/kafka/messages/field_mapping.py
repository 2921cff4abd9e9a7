"""Where in a message the features, labels and keys of its rows are, as a TOML file says."""

from __future__ import annotations

import dataclasses
import os
import tomllib
from pathlib import Path
from typing import Any

from stream.errors import NotAvailableError, ParameterError
from stream.rows.schema import Task


@dataclasses.dataclass(frozen=True)
class FieldMapping:
    """The fields of a message, by their paths: ``a.b`` is the field ``b`` of the object ``a``.

    Parameters
    ----------
    rows
        Array of the rows, when a message holds several; None: the message is one row.
    key
        Field of a row that its labels are joined by; None: the key of the message.
    features
        An object of features by name, nested as it likes, or an array of numbers. "": the row
        itself. Fields that are named here, at any depth, are no features.
    feature_names
        Names for an array of features; by default "0", "1" and so on.
    labels
        An object of truth values by label (a label left out or ``null`` is unknown); an array of
        the labels present, where all others are absent; the text of the only label present; or an
        array of 0 and 1 in the order of ``label_names``. A row without the field has unknown
        labels.
    label_names
        The labels, where there is an array of 0 and 1, or where labels come one by one.
    text
        Features that are free text, by their paths from the outermost object or from ``features``:
        how often each word occurs in one is a feature; models that take rows as they came get the
        texts.
    text_columns
        Words are hashed to so many features; None: a feature for each word.
    timestamp
        Field with the time of a message, by its path from the outermost object: milliseconds since
        1970, or a text in the notation of ISO 8601 (without a zone: UTC). It is taken instead of
        Kafka's own timestamp. None: that is taken.
    target
        Field of the class; the stream then is single-label and ``labels`` is not looked at.
    ignore
        Fields that are no features, by their paths from the outermost object or from
        ``features``.
    labels_in_parts
        Whether messages of the labels' topic tell some labels each; a row is learnt once all of
        ``label_names`` are known. Otherwise a message tells all that will be known.
    label, value
        Fields of a message of the labels' topic that tells one label: its name, and its truth.
    max_labels, max_features
        A row that has more is refused.
    max_rows
        A message that has more is refused.
    """

    rows: str | None = None
    key: str | None = None
    features: str = "x"
    feature_names: tuple[str, ...] = ()
    labels: str = "y"
    label_names: tuple[str, ...] = ()
    text: tuple[str, ...] = ()
    text_columns: int | None = dataclasses.field(default=None, metadata={"like": 1})
    timestamp: str | None = None
    target: str | None = None
    ignore: tuple[str, ...] = ()
    labels_in_parts: bool = False
    label: str = "label"
    value: str = "value"
    max_labels: int = 10_000
    max_features: int = 100_000
    max_rows: int = 10_000

    def __post_init__(self) -> None:
        if self.labels_in_parts and not self.label_names:
            raise ParameterError(
                "A mapping with labels_in_parts must list all labels in label_names, so that it is "
                "known when a row has all of them."
            )

    @property
    def task(self) -> Task:
        """Whether a row has a set of labels or one class."""
        return "multi-label" if self.target is None else "single-label"


def read_mapping(path: str | os.PathLike[str] | None) -> FieldMapping:
    """A mapping from a TOML file whose keys are the parameters of :class:`FieldMapping`.

    Parameters
    ----------
    path
        The file; None: the mapping of ``drifthomer produce``, ``{"x": {...}, "y": {...}}``.

    Raises
    ------
    NotAvailableError
        When the file cannot be read.
    ParameterError
        When it is no TOML, or a key or value is not allowed.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "fields.toml"
    >>> _ = path.write_text('features = "sensor.values"\\nfeature_names = ["heat", "noise"]')
    >>> read_mapping(path).feature_names
    ('heat', 'noise')
    """
    if path is None:
        return FieldMapping()
    try:
        given = tomllib.loads(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise NotAvailableError(
            f"The mapping {str(path)!r} cannot be read: {error.strerror or error}; check the path."
        ) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ParameterError(f"The mapping {path} must be a TOML file: {error}.") from None
    fields = {field.name: field for field in dataclasses.fields(FieldMapping)}
    for name in given:
        if name not in fields:
            raise ParameterError(
                f"The mapping {path} must have keys of {', '.join(fields)}. Got {name!r} instead."
            )
    like = {name: field.metadata.get("like", field.default) for name, field in fields.items()}
    return FieldMapping(
        **{name: _checked(name, value, like[name], path) for name, value in given.items()}
    )


def _checked(name: str, value: Any, like: Any, path: str | os.PathLike[str]) -> Any:
    """A value of the kind of another one; None: a text."""
    if isinstance(like, tuple):
        if isinstance(value, list) and all(isinstance(each, str) for each in value):
            if len(set(value)) == len(value):
                return tuple(value)
            raise ParameterError(f"The list {name!r} of the mapping {path} must not repeat a name.")
        wanted = "a list of names"
    elif isinstance(like, bool):
        if isinstance(value, bool):
            return value
        wanted = "true or false"
    elif isinstance(like, int):
        if isinstance(value, int) and not isinstance(value, bool) and value >= 1:
            return value
        wanted = "an integer of 1 or more"
    else:
        if isinstance(value, str):
            return value
        wanted = "a text"
    raise ParameterError(f"{name!r} of the mapping {path} must be {wanted}. Got {value!r} instead.")
