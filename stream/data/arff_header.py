"""The words of ARFF: quoted names, the header, and which of the attributes are labels."""

from __future__ import annotations

import dataclasses
import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple
from xml.etree import ElementTree

from stream.data.opening import open_bytes, read_lines, strip_compression
from stream.errors import DataError
from stream.rows.cells import shorten

MAX_XML_BYTES = 1 << 26


class Word(NamedTuple):
    """One value of a row or one name of the header."""

    text: str
    quoted: bool
    column: int  # character of the line, from 1


_WORD = re.compile(
    r"""\s*(?: '((?:[^'\\]|\\.)*)' | "((?:[^"\\]|\\.)*)" | ([^\s,{}%'"][^\s,{}%]*) )""", re.VERBOSE
)
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_ESCAPED = {"n": "\n", "t": "\t", "r": "\r"}


def _unescape(text: str) -> str:
    if "\\" not in text:
        return text
    return _ESCAPE.sub(lambda match: _ESCAPED.get(match[1], match[1]), text)


def read_word(line: str, at: int) -> tuple[Word, int] | None:
    """The word that starts at or after a position and the position after it; None when there is
    none.
    """
    match = _WORD.match(line, at)
    if match is None:
        return None
    group = match.lastindex or 3
    text = match[group]
    return Word(
        _unescape(text) if group < 3 else text, group < 3, match.start(group) + 1
    ), match.end()


def split_words(line: str, start: int, end: str) -> tuple[list[Word], int]:
    """Words separated by commas from ``start`` up to the character ``end`` ("" for the end of the
    line).

    An unquoted word may hold blanks inside. Returns the words and the position after the end;
    raises ValueError with the reason.
    """
    words: list[Word] = []
    at = start
    while True:
        found = read_word(line, at)
        if found is None:
            at = _skip_blanks(line, at)
            if not words and _ends(line, at, end):
                return words, at + len(end)
            what = f"found {line[at]!r}" if at < len(line) else "the line ends"
            raise ValueError(f"expected a value but {what} (character {at + 1})")
        word, at = found
        # An unquoted value with blanks in it, such as: {very low, low}
        while not word.quoted and (more := _WORD.match(line, at)) and more.lastindex == 3:
            word = word._replace(text=line[word.column - 1 : more.end()])
            at = more.end()
        words.append(word)
        at = _skip_blanks(line, at)
        if _ends(line, at, end):
            return words, at + len(end)
        if at >= len(line) or line[at] != ",":
            what = f"found {line[at]!r}" if at < len(line) else "the line ends"
            raise ValueError(
                f"expected ',' or {end or 'the end'!r} but {what} (character {at + 1})"
            )
        at += 1


_SEPARATOR = re.compile(r"[\s,]*")


def split_at_blanks(line: str) -> list[Word]:
    """Words separated by blanks, tabs or commas, as Weka separates them; those read before
    anything else is found."""
    words: list[Word] = []
    at = _SEPARATOR.match(line, 0).end()  # type: ignore[union-attr]
    while at < len(line) and line[at] != "%":
        found = read_word(line, at)
        if found is None:
            break
        words.append(found[0])
        at = _SEPARATOR.match(line, found[1]).end()  # type: ignore[union-attr]
    return words


def _skip_blanks(line: str, at: int) -> int:
    while at < len(line) and line[at].isspace():
        at += 1
    return at


def _ends(line: str, at: int, end: str) -> bool:
    if end:
        return line.startswith(end, at)
    return at >= len(line) or line[at] == "%"


@dataclasses.dataclass(slots=True)
class Attribute:
    """One declared column; ``values`` is None for all that is not nominal."""

    name: str
    line: int
    values: tuple[str, ...] | None = None
    kind: str = "numeric"  # or "string" or "date", which are features only by option


@dataclasses.dataclass(slots=True)
class Header:
    """The header of an ARFF file."""

    relation: str
    attributes: list[Attribute]
    data_line: int  # line of @data
    data_rest: str = ""  # a row that stands on that line too

    @property
    def meka_labels(self) -> int | None:
        """The ``k`` of MEKA's ``-C k``: the first k attributes are labels, or the last \\|k\\| when
        negative.

        MEKA writes its options after the colon that ends the name of the relation. A ``-C`` that
        is an option of another program, such as a filter of Weka, says nothing of labels.
        """
        found = _MEKA_LABELS.search(self.relation)
        return int(found[1]) if found else None


# A colon, options of MEKA with their values, and -C with a whole number; a filter of Weka may have
# left its name behind it.
_MEKA_LABELS = re.compile(
    r":\s*(?:-(?![cC]\s)[A-Za-z][\w-]*(?:\s+(?!-[A-Za-z])\S+)?\s+)*-[cC]\s+(-?\d{1,9})(?=\s|-weka\.|$)",
    re.ASCII,
)


_KEYWORD = re.compile(r"@data(?=[^\w])|\S+", re.IGNORECASE | re.ASCII)


def read_header(path: str | os.PathLike[str], encoding: str = "utf-8") -> Header:
    """Read an ARFF file up to its ``@data`` line.

    Raises
    ------
    DataError
        Naming the line of a declaration that is wrong.
    """
    source = str(path)
    relation = ""
    attributes: list[Attribute] = []
    seen: dict[str, int] = {}
    for first, lines in read_lines(path, encoding):
        for number, line in enumerate(lines, first):
            text = line.strip()
            if not text or text.startswith("%"):
                continue
            keyword = _KEYWORD.match(text)[0].lower()  # type: ignore[index]
            if keyword == "@data":
                if not attributes:
                    raise DataError("no @attribute stands before @data", source=source, line=number)
                rest = text[len("@data") :].strip()
                return Header(relation, attributes, number, "" if rest.startswith("%") else rest)
            if keyword == "@relation":
                found = read_word(text, len("@relation"))
                # Unquoted relation names with blanks are common: take the line as it is.
                quoted = found is not None and found[0].quoted
                relation = found[0].text if found and quoted else text[len("@relation") :].strip()
            elif keyword == "@attribute":
                attribute = _attribute(text, source, number)
                if attribute.name in seen:
                    raise DataError(
                        f"the attribute is declared twice, first on line {seen[attribute.name]}; "
                        "names must differ",
                        source=source,
                        line=number,
                        column=attribute.name,
                    )
                seen[attribute.name] = number
                attributes.append(attribute)
            else:
                raise DataError(
                    f"expected @relation, @attribute or @data, got {shorten(text)!r}; is this an "
                    "ARFF file?",
                    source=source,
                    line=number,
                )
    raise DataError("the file ends before @data; it is no ARFF file or was cut off", source=source)


def _attribute(text: str, source: str, line: int) -> Attribute:
    found = read_word(text, len("@attribute"))
    if found is None:
        raise DataError("@attribute needs a name and a type", source=source, line=line)
    word, at = found
    kind = text[at:].strip()
    if kind.startswith("{"):
        try:
            words, _ = split_words(text, text.index("{", at) + 1, "}")
        except ValueError as error:
            raise DataError(
                f"the nominal values are malformed: {error}",
                source=source,
                line=line,
                column=word.text,
            ) from None
        values = tuple(value.text for value in words)
        if not values:
            raise DataError(
                "no nominal values are declared", source=source, line=line, column=word.text
            )
        if len(set(values)) < len(values):
            seen: set[str] = set()
            twice = next(value for value in values if value in seen or seen.add(value))  # type: ignore[func-returns-value]
            raise DataError(
                f"the nominal value {twice!r} is declared twice",
                source=source,
                line=line,
                column=word.text,
            )
        return Attribute(word.text, line, values)
    kind = kind.split("%", 1)[0].split(None, 1)[0].lower() if kind.split("%", 1)[0].strip() else ""
    if kind in {"numeric", "real", "integer"}:
        return Attribute(word.text, line)
    if kind in {"string", "date"}:
        return Attribute(word.text, line, kind=kind)
    if kind == "relational":
        reason = "attributes of type relational are not supported; remove it from the file"
    else:
        reason = f"the type must be numeric, real, integer or {{value,...}}, got {shorten(kind)!r}"
    raise DataError(reason, source=source, line=line, column=word.text)


def choose_labels(
    header: Header,
    path: str | os.PathLike[str],
    labels: int | Sequence[str] | None,
    labels_xml: str | os.PathLike[str] | None,
    target: str | None,
) -> tuple[list[int], int | None]:
    """Attribute numbers of the labels, or of the class attribute.

    Returns
    -------
    tuple
        Numbers of the label attributes in the order of the file and None; or an empty list and the
        number of the class attribute when the task is single-label.
    """
    source = str(path)
    attributes = header.attributes
    number = {attribute.name: i for i, attribute in enumerate(attributes)}
    if target is not None:
        if target not in number:
            raise DataError(f"there is no attribute {target!r} to be the target", source=source)
        if attributes[number[target]].values is None:
            raise DataError(
                "the target must be a nominal attribute whose values are the classes, but it is "
                f"{attributes[number[target]].kind}",
                source=source,
                line=attributes[number[target]].line,
                column=target,
            )
        return [], number[target]
    if isinstance(labels, str):
        labels = [labels]
    if labels is None and labels_xml is not None:
        return _named(number, read_mulan_labels(labels_xml), source), None
    if labels is None:
        labels = header.meka_labels
    if labels is None:
        found = find_mulan_xml(path)
        if found is not None:
            return _named(number, read_mulan_labels(found), source), None
        if attributes[-1].values is not None and len(attributes[-1].values) > 1:
            return [], len(attributes) - 1
        raise DataError(
            "it declares no labels: give their names (--labels a,b or labels=['a', 'b']), their "
            "number (--labels -2 or labels=-2 for the last two) or the class attribute "
            "(--target c or target='c')",
            source=source,
        )
    if isinstance(labels, int):
        if not 0 < abs(labels) <= len(attributes):
            raise DataError(
                f"the number of labels must be in the range 1 to {len(attributes)} (the "
                "attributes) or the same "
                f"with a minus, got {labels}",
                source=source,
            )
        numbers = range(len(attributes))
        return list(numbers[:labels] if labels > 0 else numbers[labels:]), None
    return _named(number, labels, source), None


def _named(number: dict[str, int], names: Sequence[str], source: str) -> list[int]:
    unknown = [name for name in names if name not in number]
    if unknown:
        raise DataError(f"there is no attribute {unknown[0]!r} to be a label", source=source)
    if not names:
        raise DataError(
            "the list of labels is empty; at least one attribute must be a label", source=source
        )
    return sorted({number[name] for name in names})


def find_mulan_xml(path: str | os.PathLike[str]) -> Path | None:
    """Mulan's XML file of label names beside an ARFF file, where there is one.

    ``emotions.xml`` serves ``emotions.arff`` and also ``emotions-train.arff`` and
    ``emotions-test.arff``.
    """
    stem = strip_compression(path).with_suffix("")
    for name in (stem.name, re.sub(r"-(train|test)$", "", stem.name)):
        candidate = stem.with_name(name + ".xml")
        if candidate.is_file():
            return candidate
    return None


def read_mulan_labels(path: str | os.PathLike[str]) -> list[str]:
    """Label names of a Mulan XML file: ``<label name="..."/>`` elements, nested or not."""
    source = str(path)
    with open_bytes(path) as file:
        text = file.read(MAX_XML_BYTES + 1)
    if len(text) > MAX_XML_BYTES:
        raise DataError(f"a file of label names has at most {MAX_XML_BYTES:,} bytes", source=source)
    # Entities can expand without bound, and label names need none.
    if b"<!DOCTYPE" in text or b"<!ENTITY" in text:
        raise DataError(
            "document type declarations are not allowed; remove <!DOCTYPE ...>", source=source
        )
    try:
        root = ElementTree.fromstring(text)
    except ElementTree.ParseError as error:
        raise DataError(
            f"is not well-formed XML: {error}", source=source, line=error.position[0]
        ) from None
    except (ValueError, LookupError) as error:  # an unknown encoding in the declaration
        raise DataError(f"is not readable XML: {error}", source=source) from None
    names = [
        element.get("name") for element in root.iter() if element.tag.rpartition("}")[2] == "label"
    ]
    if not names or None in names:
        raise DataError('expected elements such as <label name="happy"/>', source=source)
    return [name for name in names if name is not None]
