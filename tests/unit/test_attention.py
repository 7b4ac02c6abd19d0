"""What changed most between two periods, and the sentences about it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta

import numpy as np
import plotly.graph_objects as go
import pytest
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st

from dashboard import attention_words, theme, time_marks
from dashboard.time_marks import Mark
from tests.factories import NOON
from tracing_core.alerts.measure import AlertMeasure
from tracing_core.alerts.rule import AlertRule, Severity
from tracing_core.alerts.state import AlertState, Sample, StateName, Verdict
from tracing_core.attention import ALL, Change, Part, Side, Subject, What, changes
from tracing_core.histogram import bin_of
from tracing_core.query.alert_rules import RuleRow
from tracing_core.query.attention import NewFailure, Unpriced, failure_kind

RETRIEVAL: Subject = (Part.OPERATION, "retrieval")


def side(count: int = 1000, *, errors: float = 0, flagged: float = 0, ms: float = 100, slow_ms: float = 200) -> Side:
    """Traces of which one in ten is slow."""
    slow = count // 10
    return Side(
        stored=count, count=count, errors=errors, flagged=flagged,
        histogram={bin_of(ms): count - slow, bin_of(slow_ms): slow},
    )  # fmt: skip


def found(now: Mapping[Subject, Side], before: Mapping[Subject, Side]) -> dict[tuple[What, Subject], Change]:
    """The changes by what and where."""
    return {(each.what, each.subject): each for each in changes(now, before, {})}


def test_the_same_again_is_nothing() -> None:
    """A period like the one before needs no attention."""
    both = {ALL: side(errors=10, flagged=50), RETRIEVAL: side(5000)}
    assert changes(both, both, {ALL: ([1.0] * 24, [1.0] * 24)}) == ()


def test_slower_slow_ones_are_told() -> None:
    """A 95th percentile that moved is told with what it is and was, as far as the histogram knows."""
    told = found({ALL: side(slow_ms=800)}, {ALL: side()})[What.P95, ALL]
    assert told.now == pytest.approx(800, rel=0.01)
    assert told.before == pytest.approx(200, rel=0.01)
    assert told.worse
    assert told.p < 1e-6


def test_few_prove_nothing() -> None:
    """Of few traces, the same numbers are not worth a word."""
    assert not changes({ALL: side(20, errors=10)}, {ALL: side(20)}, {})
    assert not changes({ALL: side(40, errors=2)}, {ALL: side(40)}, {})


def test_much_evidence_of_little_is_not_told() -> None:
    """What is certain and small is left out: from 1.0 % to 1.2 % errors of a million."""
    assert not found({ALL: side(10**6, errors=12_000)}, {ALL: side(10**6, errors=10_000)})


def test_weights_are_no_evidence() -> None:
    """A few stored traces that stand for many are as few as they are."""
    few = replace(side(), stored=35, errors=60.0)
    assert not found({ALL: few}, {ALL: replace(few, errors=10.0)})
    assert found({ALL: replace(few, stored=1000)}, {ALL: replace(few, stored=1000, errors=10.0)})


def test_a_part_that_does_as_the_whole_does_is_not_told_twice() -> None:
    """Where everything fails more, each library does, too; one that fails much more is worth its own sentence."""
    same, worse = (Part.LIBRARY, "same"), (Part.LIBRARY, "worse")
    now = {ALL: side(errors=100), same: side(500, errors=50), worse: side(100, errors=50)}
    before = {ALL: side(errors=20), same: side(500, errors=10), worse: side(100, errors=1)}
    told = found(now, before)
    assert set(told) == {(What.ERRORS, ALL), (What.ERRORS, worse)}


def test_what_got_better_comes_last() -> None:
    """However much better, it is less urgent than what got worse."""
    better = (Part.MODEL, "better")
    now = {ALL: side(errors=100), better: side(500, flagged=0)}
    before = {ALL: side(errors=50), better: side(500, flagged=250)}
    assert [each.worse for each in changes(now, before, {})] == [True, False]


def test_costs_are_told_by_bucket() -> None:
    """Hours that each cost twice as much are a change; a single dear hour is not."""
    cheap = [0.001 + 0.00001 * hour for hour in range(24)]
    (told,) = changes({ALL: side()}, {ALL: side()}, {ALL: ([2 * cost for cost in cheap], cheap)})
    assert (told.what, round(told.ratio, 2)) == (What.COST, 2.0)
    assert not changes({ALL: side()}, {ALL: side()}, {ALL: ([*cheap[:-1], 1.0], cheap)})


def test_chance_alone_is_seldom_told() -> None:
    """Of two hundred pairs of periods drawn from one distribution, with twelve parts each, hardly one is told of."""
    random = np.random.default_rng(5)

    def drawn() -> dict[Subject, Side]:
        parts = {}
        for number in range(12):
            count = int(random.integers(50, 2000))
            bins, counts = np.unique([bin_of(ms) for ms in random.lognormal(5, 1, count)], return_counts=True)
            parts[Part.LIBRARY, str(number)] = Side(
                stored=count, count=count, errors=float(random.binomial(count, 0.02)),
                flagged=float(random.binomial(count, 0.1)),
                histogram=dict(zip(map(int, bins), map(float, counts), strict=True)),
            )  # fmt: skip
        return parts

    assert sum(bool(changes(drawn(), drawn(), {})) for _ in range(200)) <= 2


@given(st.integers(0, 500), st.integers(0, 500), st.integers(1, 500), st.integers(1, 500), st.floats(0.001, 1e7))
@examples(max_examples=50)
def test_any_sides_can_be_compared(errors: int, others: int, count: int, other_count: int, ms: float) -> None:
    """Whatever the counts, each change is one of those large enough, with a probability."""
    now = {ALL: side(count, errors=min(errors, count), slow_ms=ms)}
    for change in changes(now, {ALL: side(other_count, errors=min(others, other_count))}, {}):
        assert 0 <= change.p <= 0.001
        assert change.now != change.before
        assert change.urgency > 0


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        ("TimeoutError: no answer in 30 s", "TimeoutError"),
        ("the model 4f3a2b1c9d8e7f6a went away", "the model * went away"),
        ("bad value for field x: 3", "bad value for field x: 3"),
        (None, "no reason given"),
        ("\n", "no reason given"),
    ],
)
def test_failures_of_a_kind_have_one_name(error: str | None, kind: str) -> None:
    """The type of an error, or its words without what varies."""
    assert failure_kind(error) == kind


def row(name: str, state: StateName, severity: Severity = Severity.WARNING, *, minutes: int = 5) -> RuleRow:
    """A rule over P95 in a state."""
    rule = AlertRule(name=name, measure=AlertMeasure.P95, threshold=5000, severity=severity)
    since = NOON - timedelta(minutes=minutes)
    now = AlertState(name=state, since=since, looked_at=NOON, verdict=Verdict.BAD, sample=Sample(value=6200, count=40))
    return RuleRow(
        rule_id=name, name=name, enabled=True, rule=rule, problem=None, state=now, created_at=since, updated_at=since,
        updated_by="me",
    )  # fmt: skip


def test_alerts_that_fire_come_with_their_number() -> None:
    """Only those that fire, the severe ones first, each a link to its rule."""
    rows = [
        row("old", StateName.FIRING, minutes=60),
        row("fine", StateName.OK),
        row("bad*", StateName.FIRING, Severity.CRITICAL),
    ]
    items = attention_words.firing(rows, NOON)
    assert [item.params for item in items] == [{"rule": "bad*"}, {"rule": "old"}]
    assert items[0].text.startswith("Alert **bad\\*** fires, for 5 min now: P95 latency is 6.2\N{NO-BREAK SPACE}s")


def test_sentences_say_what_was_and_lead_to_why() -> None:
    """A change says both numbers and leads to the explanation of those traces against the period before."""
    change = Change(what=What.P95, subject=(Part.LIBRARY, "shop_a"), now=590, before=145, p=0.0)
    (item,) = attention_words.changed([change], worse=True)
    assert item.text == r"P95 of library **shop\_a**: **590 ms**, up from 145 ms (×4.1)"
    assert (item.page, item.params) == ("explain", {"these": "slow", "against": "before", "library": "shop_a"})
    cheaper = replace(change, what=What.COST, subject=ALL, now=0.5, before=1.5)
    (item,) = attention_words.changed([cheaper], worse=False)
    assert item.text == r"Cost of a trace: **\$0.5000**, down from \$1.50"


def test_no_more_than_can_be_read() -> None:
    """Seven sentences at most, the first parts first; text from traces is no Markdown."""
    failures = [NewFailure(operation="a*b", kind="`x`", traces=3, example="trc_1")] * 5
    told = attention_words.new_failures(failures)
    assert len(told) == 2
    assert told[0].text == r"New failure in **a\*b**: \`x\`, 3 traces"
    models = attention_words.unpriced([Unpriced(model="m", traces=2), Unpriced(model="n", traces=1)], "costs")
    assert models[0].text == "The price of **m** and 1 more is not known: 3 traces have no full cost"
    assert len(attention_words.most_urgent([told * 5, models])) == 7


def test_marks_are_lines_with_names() -> None:
    """Each is a line, an alert a red one; those near each other share a name; a name that looks like HTML is text."""
    marks = [Mark(at=NOON + timedelta(minutes=n), name=f"<b>{n}", wrong=n != 5) for n in (0, 1, 2, 5, 60)]
    layout = time_marks.draw(go.Figure(), marks).to_dict()["layout"]
    assert len(layout["shapes"]) == 5
    texts = [(each["text"], each["font"]["color"] == theme.WRONG) for each in layout["annotations"]]
    assert texts == [("&lt;b&gt;5", False), ("3 alerts", True), ("alert", True)]
    assert layout["annotations"][1]["hovertext"].startswith("&lt;b&gt;0 · 2026-")
    many = [Mark(at=NOON + timedelta(minutes=n), name="x") for n in range(99)]
    assert len(time_marks.draw(go.Figure(), many).to_dict()["layout"]["shapes"]) == time_marks.MOST_MARKS
