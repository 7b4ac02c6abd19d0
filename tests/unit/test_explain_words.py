"""What Explain says, draws and links to: sentences, charts, filters of what was found."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pytest

from tracing_core.errors import InvalidInput
from tracing_core.explain.carriers import StageTimes, carried, carriers
from tracing_core.explain.charts import chart
from tracing_core.explain.facts import ABSENT, Candidate, Facts
from tracing_core.explain.picking import picked
from tracing_core.explain.ranks import Groups
from tracing_core.explain.result import Bars, Carried, Cohort, Histograms, Part
from tracing_core.explain.sentences import amount, flag_sentence, number_sentence, percent, phrase, times
from tracing_core.query.decision_filter import DecisionFilter
from tracing_core.query.filters import TraceFilter

SLOW = Cohort(kind="slow", chosen=TraceFilter())
REDDIT = Part(kind="source", subject="source", value="reddit")
NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)


def test_the_sentence_names_the_stage_and_the_shares() -> None:
    """As seed and specification have it: what took longer, when, and in how many of these against the others."""
    said = flag_sentence(
        [REDDIT], SLOW, (38, 41, 38 / 41), (90, 1000, 0.09), Carried(stage="collection", with_ms=410, without_ms=100)
    )
    assert said == "collection took 4.1x longer when source = reddit: 38 of 41 slow traces against 9.0 % of the others."


def test_without_a_stage_the_sentence_says_how_much_more_often() -> None:
    """Many are told as a share."""
    said = flag_sentence([REDDIT], SLOW, (450, 900, 0.5), (100, 1000, 0.1), None)
    assert said == "source = reddit in 50 % of slow traces against 10 % of the others, 5.0x as often."


def test_a_stage_that_failed_is_named_once() -> None:
    """Where what took longer is what failed, and where one trace alone is asked about, too."""
    failed = Part(kind="error", subject="generation", value="an error")
    carried = Carried(stage="generation", with_ms=30_000, without_ms=1_000)
    said = flag_sentence([failed], SLOW, (6, 41, 6 / 41), (0, 1000, 0.0), carried)
    assert said == "generation took 30x longer when it failed: 6 of 41 slow traces against 0 % of the others."
    assert "in 1 of 1 slow trace against" in flag_sentence([REDDIT], SLOW, (1, 1, 1.0), (0, 1000, 0.0), None)


def test_choice_and_confidence_of_one_decision_are_one_phrase() -> None:
    """The name of the decision is said once."""
    parts = [
        Part(kind="confidence", subject="routing", value="0.9 or more"),
        Part(kind="decision", subject="routing", value="cache"),
    ]
    said = flag_sentence(parts, SLOW, (9, 10, 0.9), (1, 10, 0.1), None)
    assert said.startswith("routing chose cache and was 0.9 or more sure in 9 of 10 slow traces")


@pytest.mark.parametrize(
    ("kind", "value", "said"),
    [
        ("decision", ABSENT, "no x was decided"),
        ("alternative", "bm25", "x decided against bm25"),
        ("stage", ABSENT, "x did not run"),
        ("error", "an error", "x failed"),
        ("error", "Timeout", "x failed with Timeout"),
        ("principle", "META-3", "x = META-3"),
        ("attribute", ABSENT, "x is absent"),
        ("attribute", "7", "x = 7"),
    ],
)
def test_facts_are_told_in_words(kind: str, value: str, said: str) -> None:
    """What is absent is told as such."""
    assert phrase(Part(kind=kind, subject="x", value=value)) == said


def test_a_number_is_told_by_its_medians() -> None:
    """With its unit, and how often one is above the other."""
    said = number_sentence(Part(kind="stage", subject="retrieval"), SLOW, 3400.0, 34.0, 0.6, "ms")
    assert said == (
        "The time in retrieval was 100x as long in slow traces: 3.40 s against 34 ms (medians); "
        "any one of them is above any one of the others 80 % of the time."
    )


def test_tokens_are_many() -> None:
    """What is counted was more than one; a gap is called one."""
    said = number_sentence(Part(kind="tokens", subject="input tokens"), SLOW, 1246.0, 700.0, 0.82, "")
    assert said.startswith("The input tokens were 1.8x as many in slow traces: 1,246 against 700")
    said = number_sentence(Part(kind="evidence", subject="evidence passed"), SLOW, 8.0, 5.0, 0.6, "")
    assert said.startswith("The evidence passed was 1.6x as much in slow traces: 8 against 5")
    assert phrase(Part(kind="principle", subject="gap", value="META-3")) == "META-3 was a gap"


def test_numbers_are_short() -> None:
    """As short as can be read; nothing rounds to 0 that is not."""
    assert [percent(each) for each in (0.0, 0.0004, 0.052, 0.093, 0.5, 1.0)] == [
        "0 %", "less than 0.1 %", "5.2 %", "9.3 %", "50 %", "100 %",
    ]  # fmt: skip
    assert [times(each) for each in (1.25, 9.99, 1200.0)] == ["1.2x", "10.0x", "1,200x"]
    assert [amount(*each) for each in ((0.0042, "USD"), (1234.0, "ms"), (5210.0, ""), (0.91, ""), (0.3, "ms"), (4.14, "ms"), (34.2, "ms"))] == [
        "$0.0042", "1.23 s", "5,210", "0.91", "0.30 ms", "4.1 ms", "34 ms",
    ]  # fmt: skip


def test_a_filter_picks_the_traces_of_a_finding() -> None:
    """The cohort's own filter, and the fact on top of it."""
    slow = TraceFilter(start=NOON, min_duration_ms=4000)
    pair = [REDDIT, Part(kind="library", subject="library", value="pandas")]
    assert picked(pair, slow) == TraceFilter(
        start=NOON, min_duration_ms=4000, evidence_source="reddit", library="pandas"
    )
    assert picked([Part(kind="library", subject="library", value=ABSENT)], slow) == TraceFilter(
        start=NOON, min_duration_ms=4000, library=""
    )


def test_a_filter_picks_a_choice_and_how_sure_it_was() -> None:
    """Both are asked of one decision, the choice as it was recorded."""
    parts = [
        Part(kind="decision", subject="depth", value='{"k":5}'),
        Part(kind="confidence", subject="depth", value="0.9 or more"),
    ]
    found = picked(parts, TraceFilter())
    assert found == TraceFilter(decision=DecisionFilter(decision="depth", what={"k": 5}, min_confidence=0.9))


@pytest.mark.parametrize(
    "part",
    [
        Part(kind="attribute", subject="region", value="eu"),
        Part(kind="stage", subject="retrieval"),
        Part(kind="decision", subject="routing", value=ABSENT),
        Part(kind="library", subject="library", value="plotly"),
    ],
)
def test_what_no_filter_can_say_has_none(part: Part) -> None:
    """An attribute, a number, what is missing, and what contradicts the cohort."""
    assert picked([part], TraceFilter(library="pandas")) is None
    assert picked([REDDIT], None) is None


def groups(count: int, ours: int) -> Groups:
    """The first are the cohort."""
    return Groups(these=np.arange(count) < ours, weights=np.ones(count))


def test_a_chart_of_values_has_the_shares_of_both_groups() -> None:
    """The value that was found first, then the frequent ones."""
    facts = Facts(20)
    for row in range(20):
        facts.has(row, "library", "library", "rare" if row < 4 else "usual")
    candidate = next(each for each in facts.candidates() if each.parts[0].value == "rare")
    found = chart(candidate, facts, groups(20, 5))
    assert isinstance(found, Bars)
    assert (found.values, found.found) == (("rare", "usual"), "rare")
    assert found.these == pytest.approx((0.8, 0.2))
    assert found.others == pytest.approx((0.0, 1.0))


def test_a_chart_of_a_number_is_two_histograms() -> None:
    """All of each group are in its bins, also those far out; what spans decades has bins that grow."""
    values = np.array([*np.geomspace(1, 1000, 99), 1e9])
    found = chart(
        Candidate(parts=(Part(kind="stage", subject="s"),), flag=False, values=values), Facts(100), groups(100, 30)
    )
    assert isinstance(found, Histograms)
    assert (sum(found.these), sum(found.others)) == pytest.approx((1.0, 1.0))
    assert found.log
    assert found.unit == "ms"


def test_stages_share_the_extra_time() -> None:
    """What each has more on the critical path, as a share of what the whole has more; together they are all of it."""
    source = np.random.default_rng(1)
    slow = np.arange(200) < 50
    times_ = {
        "collection": source.normal(100, 5, 200) + 300 * slow,
        "synthesis": source.normal(200, 5, 200) + 100 * slow,
    }
    stages = StageTimes(known=np.ones(200, dtype=bool), times=times_, whole=times_["collection"] + times_["synthesis"])
    extra, found = carriers(stages, groups(200, 50), one=False)
    assert extra == pytest.approx(400, abs=5)
    assert [(each.stage, round(each.share, 1)) for each in found] == [("collection", 0.8), ("synthesis", 0.2)]
    assert sum(each.share for each in found) == pytest.approx(1.0)


def test_who_is_not_slower_has_no_carriers() -> None:
    """Where both groups take as long, nothing carries anything, nor where no spans are known."""
    whole = np.tile([100.0, 101.0], 50)
    stages = StageTimes(known=np.ones(100, dtype=bool), times={"a": whole}, whole=whole)
    assert carriers(stages, groups(100, 30), one=False) == (None, ())
    unknown = StageTimes(known=np.zeros(100, dtype=bool), times={}, whole=whole)
    assert carriers(unknown, groups(100, 30), one=False) == (None, ())
    assert carried(unknown, whole > 100, groups(100, 30), np.ones(100)) is None


def test_a_cohort_that_cannot_be_asked_about_is_refused() -> None:
    """Each error names the field and what to give."""
    for wrong, field in (({"kind": "late"}, "cohort"), ({"kind": "box"}, "picks"), ({"kind": "trace"}, "trace_id")):
        with pytest.raises(InvalidInput) as refused:
            Cohort(chosen=TraceFilter(), **wrong)  # type: ignore[arg-type]
        assert refused.value.field == field
