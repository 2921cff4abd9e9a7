"""What each attribute of an ARFF file becomes: its role, its columns, the meaning of its cells."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from stream.data.arff_header import Attribute, Header
from stream.errors import DataError
from stream.rows.builder import Columns
from stream.rows.cells import TRUTH_WORDS, parse_number
from stream.rows.text import BagOfWords
from stream.rows.text_columns import quoted

Float64Array = npt.NDArray[np.float64]

# What an attribute is for.
NUMBER, ONE_HOT, LABEL, SINGLE_CLASS, TEXT, IGNORED = 0, 1, 2, 3, 4, 5


class Plan:
    """What to do with each attribute: its role, its column, and what a cell's text stands for.

    Every cell becomes a number in which 0 means "nothing to store": the value of numeric
    attributes, 0 or 1 for labels, and 1 + the position of the declared value for the class and for
    features with one column a value.

    Parameters
    ----------
    header
        The declarations.
    label_attributes
        Attribute numbers of the labels.
    class_attribute
        Attribute number of the class when the task is single-label.
    source
        File, for error messages.
    texts, ignored
        Names of attributes of free text, and of those that are left out.
    bag
        Counts the words of the texts.
    """

    def __init__(
        self,
        header: Header,
        label_attributes: list[int],
        class_attribute: int | None,
        source: str,
        *,
        texts: Sequence[str] = (),
        ignored: Sequence[str] = (),
        bag: BagOfWords | None = None,
    ):
        self.source = source
        self.bag = bag
        self.attributes = header.attributes
        n = self.n_attributes = len(header.attributes)
        self.role = np.full(n, NUMBER, np.int8)
        self.column = np.zeros(
            n, np.int64
        )  # first column of the attribute among features or labels
        self.width = np.ones(n, np.int64)  # columns of the attribute
        self.default = np.zeros(n)  # number of an entry that a sparse row leaves out
        self.codes: list[dict[str, float] | None] = [
            None
        ] * n  # number of a text, where texts are declared
        self.allowed: list[Float64Array | None] = [
            None
        ] * n  # numbers declared by a numeric nominal
        self.feature_names: list[str] = []
        self.label_names: list[str] = []
        is_label = set(label_attributes)
        special = self._special(header, {*is_label, class_attribute}, texts, ignored)
        for a, attribute in enumerate(header.attributes):
            if a in special:
                self.role[a] = special[a]
            elif a == class_attribute:
                self._add_class(a, attribute)
            elif a in is_label:
                self._add_label(a, attribute)
            else:
                self._add_feature(a, attribute)
        self._refuse_clashes(header)
        # A list that grows: the words of texts come after the columns of the other attributes.
        self.columns = Columns(self.feature_names)
        self._n_fixed = len(self.feature_names)
        self.feature_names = self.columns.names  # type: ignore[assignment]
        self.special = frozenset(special)
        self.has_texts = TEXT in special.values()
        self.binary = np.array(
            [allowed is not None and set(allowed) == {0.0, 1.0} for allowed in self.allowed], bool
        )
        self.other_nominals = [
            a
            for a, allowed in enumerate(self.allowed)
            if allowed is not None and not self.binary[a]
        ]
        self.coded = [a for a, codes in enumerate(self.codes) if codes is not None]
        self.defaulted = np.flatnonzero(self.default)
        self.single_class = class_attribute is not None

    def _special(
        self,
        header: Header,
        outputs: set[int | None],
        texts: Sequence[str],
        ignored: Sequence[str],
    ) -> dict[int, int]:
        """Roles of the attributes that are no features of their own."""
        number = {attribute.name: a for a, attribute in enumerate(header.attributes)}
        roles: dict[int, int] = {}
        for names, role, what in ((texts, TEXT, "text"), (ignored, IGNORED, "ignored")):
            for name in names:
                a = number.get(name)
                if a is None:
                    reason = f"there is no attribute {name!r} to be {what}"
                elif a in outputs or roles.get(a, role) != role:
                    reason = "the attribute is named as two of labels (or class), text and ignored"
                elif role == TEXT and header.attributes[a].kind != "string":
                    reason = "a text must be an attribute of type string"
                else:
                    roles[a] = role
                    continue
                line = None if a is None else header.attributes[a].line
                raise DataError(f"{reason}; name others", source=self.source, line=line)
        for a, attribute in enumerate(header.attributes):
            if a not in roles and attribute.kind != "numeric":
                name = attribute.name
                advice = f"--ignore {quoted(name)} (ignore=[{name!r}]) leaves it out"
                if attribute.kind == "string":
                    advice = f"--text {quoted(name)} (text=[{name!r}]) reads its words, {advice}"
                raise DataError(
                    f"attributes of type {attribute.kind} are not features by themselves: {advice}",
                    source=self.source,
                    line=attribute.line,
                    column=attribute.name,
                )
        return roles

    def words(self, texts: dict[int, str], line: int) -> dict[int, float]:
        """Column and count of each word of a row's texts, by attribute."""
        assert self.bag is not None
        found: dict[str, float] = {}
        for a, text in texts.items():
            found |= self.bag.count(self.attributes[a].name, text)
        for name in found:
            if self.columns.get(name) is not None and self.columns[name] < self._n_fixed:
                raise DataError(
                    "another attribute is called as the column of a word; rename it",
                    source=self.source,
                    line=line,
                    column=name,
                )
        self.columns.add_all(found)
        return {self.columns[name]: count for name, count in found.items()}

    def _refuse_clashes(self, header: Header) -> None:
        """A nominal value's column may not be called like another attribute."""
        if len(set(self.feature_names)) == len(self.feature_names):
            return
        seen: set[str] = set()
        name = next(name for name in self.feature_names if name in seen or seen.add(name))  # type: ignore[func-returns-value]
        raise DataError(
            "an attribute is called like the column of another one's value; rename one of them",
            source=self.source,
            line=header.data_line,
            column=name,
        )

    def _add_class(self, a: int, attribute: Attribute) -> None:
        assert attribute.values is not None
        self.role[a] = SINGLE_CLASS
        self.label_names += attribute.values
        self.codes[a] = {value: 1.0 + i for i, value in enumerate(attribute.values)}
        self.default[a] = 1.0

    def _add_label(self, a: int, attribute: Attribute) -> None:
        self.role[a] = LABEL
        self.column[a] = len(self.label_names)
        self.label_names.append(attribute.name)
        if attribute.values is None:
            self.allowed[a] = np.array([0.0, 1.0])
            return
        codes = {value: TRUTH_WORDS.get(value.lower()) for value in attribute.values}
        if None in codes.values() or len(codes) > 2:
            raise DataError(
                "a label must be declared {0,1} (or {false,true}, {no,yes}), got "
                f"{{{','.join(attribute.values[:5])}}}",
                source=self.source,
                line=attribute.line,
                column=attribute.name,
            )
        numbers = [number for number in codes.values() if number is not None]
        self.default[a] = numbers[0]
        if set(codes) <= {"0", "1"}:
            self.allowed[a] = np.array([0.0, 1.0])
        else:
            self.codes[a] = dict(zip(codes, numbers, strict=True))

    def _add_feature(self, a: int, attribute: Attribute) -> None:
        self.column[a] = len(self.feature_names)
        if attribute.values is None:
            self.feature_names.append(attribute.name)
            return
        numbers = [parse_number(value) for value in attribute.values]
        if all(number is not None and math.isfinite(number) for number in numbers):
            self.feature_names.append(attribute.name)
            self.allowed[a] = np.array(numbers, np.float64)
            self.default[a] = numbers[0]
            return
        self.role[a] = ONE_HOT
        self.width[a] = len(attribute.values)
        self.feature_names += [f"{attribute.name}={value}" for value in attribute.values]
        self.codes[a] = {value: 1.0 + i for i, value in enumerate(attribute.values)}
        self.default[a] = 1.0
