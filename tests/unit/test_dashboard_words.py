"""How values are written for people."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard import words

NOW = datetime(2026, 11, 21, 1, 30, 22, 5_000, tzinfo=UTC)


@pytest.mark.parametrize(
    ("ms", "said"),
    [
        (None, "–"), (0, "0 ms"), (0.004, "0.01 ms"), (0.42, "0.42 ms"), (9.9, "9.9 ms"), (9.96, "10 ms"), (145.2, "145 ms"),
        (999.4, "999 ms"), (999.6, "1.00 s"), (3210, "3.21 s"), (59_999, "1 min 0 s"), (125_000, "2 min 5 s"),
        (3_780_000, "1 h 3 min"),
    ],
)  # fmt: skip
def test_durations_carry_a_unit_that_fits(ms: float | None, said: str) -> None:
    """A duration is written in the unit a person would use, and absent is a dash."""
    assert words.duration(ms) == said


@pytest.mark.parametrize(
    ("dollars", "said"),
    [
        (None, "–"), ("0", "$0"), ("0.0003", "$0.0003"), ("0.00001234", "$0.0000123"), ("0.0000000001", "<$0.0000001"),
        ("0.5", "$0.5000"), ("4.12", "$4.12"), ("1234.5", "$1,234.50"),
    ],
)  # fmt: skip
def test_money_that_was_spent_is_never_zero(dollars: str | None, said: str) -> None:
    """What cost something says so, and what has no price is a dash."""
    assert words.money(None if dollars is None else Decimal(dollars)) == said


@given(st.decimals(min_value="0.0000000001", max_value=10_000, places=10))
def test_no_positive_amount_reads_as_nothing(dollars: Decimal) -> None:
    """There is a digit other than zero in every amount above zero."""
    assert any(digit in words.money(dollars) for digit in "123456789")


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(3, "just now"), (42, "42 s ago"), (125, "2 min ago"), (7300, "2 h ago"), (200_000, "2 d ago")],
)
def test_the_past_is_told_in_one_unit(seconds: int, said: str) -> None:
    """The age of a trace is one number and one unit."""
    assert words.ago(NOW - timedelta(seconds=seconds), NOW) == said


def test_absent_values_are_dashes() -> None:
    """No word for a value that is not there looks like a zero."""
    assert {words.share(None), words.count(None), words.rating(None), words.confidence(None), words.stars(None)} == {
        "–"
    }
    assert words.ago(None, NOW) == words.exact(None) == "–"


def test_exact_times_are_utc_to_the_millisecond() -> None:
    """The exact time names its zone."""
    assert words.exact(NOW) == "2026-11-21 01:30:22.005 UTC"


def test_change_needs_something_to_compare_with() -> None:
    """Nothing before means no change to speak of, rather than an infinite one."""
    assert words.change(3, 2) == 0.5
    assert words.change(3, 0) is words.change(3, None) is words.change(None, 2) is None


def test_markdown_from_a_model_cannot_do_anything() -> None:
    """HTML, images, formulas and directives are shown as they were written; code is left alone."""
    text = "<b>x</b> ![p](http://e/x.png) costs $5 :red[no] :material/home: and `List<int>`\n```\n<i>$a$</i>\n```"
    safe = words.safe_markdown(text)
    assert safe.startswith(r"\<b>x\</b> \![p](http://e/x.png) costs \$5 \:red[no] \:material/home: and `List<int>`")
    assert "<i>$a$</i>" in safe


def test_an_unfinished_block_of_code_is_still_code() -> None:
    """While an answer is being written, the block that has no end yet is not rewritten."""
    assert words.safe_markdown("```python\nif a < b:") == "```python\nif a < b:"


def test_a_label_is_one_plain_line() -> None:
    """Text from a trace cannot bring Markdown or line breaks into a label."""
    assert words.label("a *b*\n[c](d)") == r"a \*b\* \[c\](d)"
    assert words.label("x" * 100, limit=10) == "x" * 9 + "…"


def test_a_number_stays_on_the_line_of_its_unit() -> None:
    """In every sentence that is shown; what is no unit is left as it is."""
    said = words.label("in 38 of 41 traces, 2.0 % of 3.21 s and 145 ms, 12 sources in 5 min", 100)
    assert (
        said.replace("\N{NO-BREAK SPACE}", "~") == "in 38 of 41 traces, 2.0~% of 3.21~s and 145~ms, 12 sources in 5~min"
    )
