from __future__ import annotations

import pytest

from stream.rows.text_columns import TextColumns, number_advice


@pytest.mark.parametrize(
    ("text", "advice"),
    [
        ("1,5", "--decimal"),
        ("-0,25", "--decimal"),
        ("1.234,5", "--decimal ',' --thousands '.'"),
        ("1.234.567", "--decimal ',' --thousands '.'"),
        ("1,234.5", "--thousands ','"),
        ("1,234,567", "--thousands ','"),
        ("1,234", "--decimal ',' (decimal=',') reads a decimal comma, --thousands ','"),
        ("12 %", "only plain numbers"),
        ("€ 1 234,50", "only plain numbers"),
        ("1'234.50", "only plain numbers"),
        ("1_000", "only plain numbers"),
    ],
)
def test_numbers_that_look_like_text(text, advice):
    assert advice in (number_advice(text) or "")


@pytest.mark.parametrize(
    "text", ["", "red", "v1.5", "2020-01-31", "12:30", "A2", "a,b", ",", "x" * 99]
)
def test_texts_that_are_no_numbers(text):
    found = number_advice(text)
    assert found is None, found


def test_each_warning_comes_once_a_column(caplog):
    watch = TextColumns("a.csv", known=["decided"])
    for block in range(3):
        for column in ("body", "decided"):
            watch.see(column, 100, [f"text {block} {i}" for i in range(100)])
        watch.see("colour", 100, ["red"] if block == 0 else [])
        watch.see("price", 100, [f"{block},{i}" for i in range(100)])
    assert len(caplog.messages) == 2
    new, number = caplog.messages
    assert "'body' are new (100 of 100)" in new
    assert "--text body (text=['body'])" in new
    assert "--ignore body (ignore=['body'])" in new
    assert "'price' such as '0,0'" in number
    assert "--decimal ','" in number
    assert "--categorical price" in number


def test_few_values_say_nothing(caplog):
    watch = TextColumns("a.csv")
    watch.see("body", 99, [str(i) + "x" for i in range(99)])
    assert not caplog.messages
