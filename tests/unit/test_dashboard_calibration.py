"""Decisions and calibration on the page: sentences, and what the figures contain."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from dashboard import calibration_charts, decisions_charts, decisions_words, theme
from dashboard.decisions_components import decided
from tracing_core.component_schema import read_schema
from tracing_core.confidence import Calibration, Interval, Pairs, calibration
from tracing_core.query.decision_groups import Group
from tracing_core.query.decision_sample import Sample
from tracing_core.query.decisions import Choice, DecisionPoint, DecisionType, Quantiles

START = datetime(2026, 11, 21, tzinfo=UTC)


def judged(said: float, good: int, count: int) -> Calibration:
    found = calibration(Pairs.of([(said, at < good, 1.0) for at in range(count)]), resamples=0)
    assert found is not None
    return found


def group(count: float = 10, good: float | None = 0.6, confidence: float | None = 0.9) -> Group:
    interval = None if good is None else Interval(low=max(good - 0.1, 0), high=min(good + 0.1, 1))
    return Group(
        stored=round(count), count=count, confidence=confidence, known=0 if good is None else round(count), good=good,
        interval=interval, said=confidence, came_true=good,
    )  # fmt: skip


def choice(what: Any, share: float, *, cut: bool = False, good: float | None = 0.6) -> Choice:
    return Choice(key=str(what), what=what, cut=cut, share=share, share_before=None, group=group(10 * share, good))


def decision_type(*choices: Choice, **overrides: Any) -> DecisionType:
    fields: dict[str, Any] = {
        "decision": "source_selection",
        "group": group(),
        "choices": choices,
        "others": 0.0,
        "distinct": len(choices),
        "distinct_more": False,
        "confidences": {0.5: 2.0, 0.91: 6.0, 1.0: 2.0},
        "quantiles": Quantiles(low=0.5, median=0.91, high=1.0),
        "stages": {"collection": group()},
        "models": {},
        "projects": {},
        "before": None,
        "drift": None,
        "points": (),
    }
    return DecisionType(**(fields | overrides))


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (
            judged(0.9, 61, 100),
            "Says 0.90, is right 61 % of the time (51–70 %, 100 decisions): over-confident by 0.29.",
        ),
        (
            judged(0.4, 70, 100),
            "Says 0.40, is right 70 % of the time (60–78 %, 100 decisions): under-confident by 0.30.",
        ),
        (judged(0.6, 60, 100), "Says 0.60, is right 60 % of the time (50–69 %, 100 decisions): its confidence fits."),
        (
            judged(0.9, 0, 3),
            "Says 0.90, is right 0 % of the time; with only 3 decisions of known outcome that may be chance.",
        ),
        (None, "No decision has both a confidence and a known outcome, so nothing can be said about its confidence."),
    ],
)
def test_a_verdict_is_a_sentence(found: Calibration | None, said: str) -> None:
    """What it says, what came true, how sure that is, and which way it is wrong."""
    assert decisions_words.verdict(found) == said


def test_a_verdict_names_the_bin_that_is_farthest_off() -> None:
    """A type that fits on the whole may be wrong where it is sure, and unsure where it is right."""
    rows = [(0.9, at < 15, 1.0) for at in range(50)] + [(0.3, at < 40, 1.0) for at in range(50)]
    found = calibration(Pairs.of(rows), resamples=0)
    assert decisions_words.verdict(found).endswith(
        "its confidence fits on the whole, but it says 0.90 and is right 30 % of 50 times."
    )


def test_errors_that_cancel_out_are_not_said_to_fit() -> None:
    """Too sure in one half and too unsure in the other is no fit, although the means agree."""
    rows = [(0.9, at < 100, 1.0) for at in range(200)] + [(0.3, at < 140, 1.0) for at in range(200)]
    assert decisions_words.short_verdict(calibration(Pairs.of(rows))) == "over and under"
    assert decisions_words.short_verdict(judged(0.6, 60, 100)) == "fits"
    assert decisions_words.short_verdict(judged(0.9, 61, 100)) == "over-confident by 0.29"
    assert decisions_words.short_verdict(None) == "–"


def test_what_was_looked_at_is_said() -> None:
    """All of it, or how many of about how many; a count of a sample is rough and says so."""
    whole = Sample(looked_at=1200, things="traces", stands_for=1200, whole=True)
    some = Sample(looked_at=6000, things="decisions", stands_for=987_889, whole=False)
    assert decisions_words.sample(whole) == "All 1,200 traces of this time were looked at."
    assert decisions_words.sample(some).startswith("6,000 of about 990,000 decisions were looked at")
    assert (decisions_words.about(1200, whole), decisions_words.about(987_889, some)) == ("1,200", "≈ 990,000")


def test_choices_are_said_in_one_line() -> None:
    """The frequent ones with their share, then how many others; lists are words, long texts are cut."""
    found = decision_type(choice("exa", 0.7), choice(["a", "b"], 0.2), others=0.1, distinct=3)
    assert decisions_words.choices(found).replace("\N{NO-BREAK SPACE}", " ") == "exa 70 % · a, b 20 % · 1 other"
    assert decisions_words.choice("x" * 90) == "x" * 59 + "…"
    assert decisions_words.choice("") == "an empty text"
    assert decisions_words.percent(0.001) == "<1 %"


def test_types_are_bars_of_their_choices() -> None:
    """Each bar is whole; a part leads to its type and choice, what is cut or left over to the type alone."""
    found = decision_type(choice("exa", 0.7), choice('"long', 0.2, cut=True), others=0.1, distinct=9)
    data = decisions_charts.types([found]).to_dict()["data"]
    assert sum(bar["x"][0] for bar in data) == pytest.approx(1)
    assert [bar["customdata"][0][:2] for bar in data] == [
        ["source_selection", "exa"],
        ["source_selection", None],
        ["source_selection", None],
    ]


def test_choices_stand_beside_their_outcomes() -> None:
    """The frequent choice is on top; the dot has whiskers to the ends of its interval; an unknown outcome has no dot."""
    figure = decisions_charts.choices(decision_type(choice("exa", 0.7), choice("news", 0.3, good=None))).to_dict()
    bars, dots = figure["data"]
    assert list(bars["y"]) == ["news", "exa"]
    assert list(dots["y"]) == ["exa"]
    assert dots["error_x"]["array"][0] == pytest.approx(0.1)
    assert bars["customdata"][1][0] == "exa"


def test_confidences_fall_into_twentieths() -> None:
    """A bar leads to the decisions between its bounds; entire sureness is in the last."""
    (bars,) = decisions_charts.confidences(decision_type()).to_dict()["data"]
    assert list(bars["y"]) == [0.2, 0.6, 0.2]
    assert [each[:2] for each in bars["customdata"]] == [[0.5, 0.55], [0.9, 0.95], [0.95, 1.0]]


def test_a_bin_that_chance_does_not_explain_is_red() -> None:
    """The curve has the diagonal to compare with, and a point leads to its decisions."""
    rows = [(0.95, at < 20, 1.0) for at in range(50)] + [(0.35, at < 18, 1.0) for at in range(50)]
    found = calibration(Pairs.of(rows), resamples=0)
    assert found is not None
    figure = calibration_charts.reliability(found).to_dict()
    assert list(figure["data"][0]["marker"]["color"]) == [theme.ACCENT, theme.WRONG]
    assert figure["data"][0]["customdata"][1][:2] == [0.9, 1.0]
    assert figure["layout"]["shapes"][0]["type"] == "line"


def test_says_and_right_are_two_marks_a_type() -> None:
    """The first type is on top; an over-confident one is red."""
    figure = calibration_charts.says_and_comes_true([("a", judged(0.9, 10, 50)), ("b", judged(0.6, 30, 50))]).to_dict()
    _, says, right, _ = figure["data"]
    assert list(says["y"]) == ["b", "a"]
    assert list(right["marker"]["color"]) == [theme.ACCENT, theme.WRONG]
    assert [each[0] for each in right["customdata"]] == ["b", "a"]


def test_shares_over_time_are_of_each_bucket() -> None:
    """Choices that are not named are the others; a bucket is whole."""
    points = tuple(
        DecisionPoint(bucket=START + timedelta(hours=at), group=group(), choices={"exa": 6.0, "rare": 2.0})
        for at in range(2)
    )
    found = decision_type(choice("exa", 0.75), others=0.25, distinct=2, points=points)
    exa, others = decisions_charts.choices_over_time(found).to_dict()["data"]
    assert (list(exa["y"]), list(others["y"])) == ([0.75, 0.75], [0.25, 0.25])
    says, right = decisions_charts.confidence_over_time(points).to_dict()["data"]
    assert (list(says["y"]), list(right["y"])) == ([0.9, 0.9], [0.6, 0.6])


def test_what_components_declare_stands_beside_what_was_seen() -> None:
    """Seen as declared, declared and not seen, decided in a component's stage without being declared, and nobody's."""
    sources = read_schema("sources", {"stages": ["collection"], "decisions": ["source_selection", "retry"]})
    types = (
        decision_type(),
        decision_type(decision="surprise", stages={"collection": group(count=3)}),
        decision_type(decision="classified_intent", stages={"": group(), "collection": group()}),
    )
    rows = decided([sources], types)
    assert [(row.component, row.stage, row.decision, row.state) for row in rows] == [
        ("sources", "collection", "classified_intent", "not declared"),
        ("sources", "collection", "surprise", "not declared"),
        ("sources", "collection", "retry", "not seen"),
        ("sources", "collection", "source_selection", "as declared"),
        ("", "", "classified_intent", "no component"),
    ]
    assert [row.group is None for row in rows] == [False, False, True, False, False]


def test_a_component_without_stages_may_decide_anywhere() -> None:
    """What it declares is found in every stage; without components all that was seen is nobody's."""
    types = (decision_type(stages={"a": group(), "b": group()}),)
    router = read_schema("router", {"decisions": ["source_selection"]})
    assert [(row.stage, row.state) for row in decided([router], types)] == [("a", "as declared"), ("b", "as declared")]
    assert {row.state for row in decided([], types)} == {"no component"}
