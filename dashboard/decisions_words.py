"""Decisions, outcomes and calibration in plain words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dashboard import words
from dashboard.decision_cards import plain
from tracing_core.confidence import Bin, Calibration, Interval
from tracing_core.query.decision_groups import Group
from tracing_core.query.decision_sample import Sample
from tracing_core.query.decisions import DecisionType
from tracing_core.query.outcomes import GOOD_RATING, GOOD_SCORE, Outcome

OUTCOMES: Mapping[Outcome, str] = {
    "gate": "Quality gate passed",
    "rating": f"Rated {GOOD_RATING} or 5",
    "score": f"Quality score {GOOD_SCORE:.1f} or more",
    "evidence": "Evidence was used",
}
"""What "right" means, by how outcomes are told."""
VERDICTS: Mapping[str, str] = {
    "over": "over-confident", "under": "under-confident", "fits": "fits", "unknown": "too few to say",
}  # fmt: skip
_LONGEST_CHOICE = 60
_DRIFTED = 0.1
_BOTH_WAYS = 0.05
"""A calibration error that is surely above this, where the means fit, is of bins that are too high and bins that are too low."""


def choice(what: Any, *, cut: bool = False, limit: int = _LONGEST_CHOICE) -> str:
    """What was chosen, in one line."""
    line = " ".join(plain(what).split()) or "an empty text"
    return line if len(line) <= limit and not cut else f"{line[: limit - 1]}…"


def choices(found: DecisionType, most: int = 3) -> str:
    """The frequent choices with their shares, and how many others there are."""
    named = [f"{choice(each.what, cut=each.cut, limit=40)} {percent(each.share)}" for each in found.choices[:most]]
    left = found.distinct - len(named)
    if left > 0:
        named.append(f"{words.count(left)}{' or more' if found.distinct_more else ''} other{'s' if left > 1 else ''}")
    return words.unbroken(" · ".join(named))


def percent(share: float | None) -> str:
    """A share as whole percent; less than one is said so."""
    if share is None:
        return words.ABSENT
    return "<1 %" if 0 < share < 0.005 else f"{share * 100:.0f} %"


def between(interval: Interval | None) -> str:
    """An interval of shares, such as 57–65 %."""
    return words.ABSENT if interval is None else f"{interval.low * 100:.0f}–{interval.high * 100:.0f} %"


def good(group: Group) -> str:
    """How many turned out well, with the interval."""
    return words.ABSENT if group.good is None else f"{percent(group.good)} ({between(group.interval)})"


def gap(value: float | None) -> str:
    """Confidence less what came true, with its sign."""
    return words.ABSENT if value is None else f"{value:+.2f}"


def short_verdict(found: Calibration | None) -> str:
    """Whether confidence holds, in two words and a number."""
    if found is None:
        return words.ABSENT
    around = found.expected_error_interval
    if found.verdict == "fits" and around is not None and around.low > _BOTH_WAYS:
        return "over and under"
    said = VERDICTS[found.verdict]
    return f"{said} by {abs(found.gap):.2f}" if found.verdict in ("over", "under") else said


def verdict(found: Calibration | None) -> str:
    """What confidence says against what came true, as a sentence."""
    if found is None:
        return "No decision has both a confidence and a known outcome, so nothing can be said about its confidence."
    if found.verdict == "unknown":
        return (
            f"Says {found.confidence:.2f}, is right {percent(found.good)} of the time; "
            f"with only {words.count(found.count)} decisions of known outcome that may be chance."
        )
    said = (
        f"Says {found.confidence:.2f}, is right {percent(found.good)} of the time "
        f"({between(found.interval)}, {words.count(found.count)} decisions)"
    )
    if found.verdict == "fits":
        return f"{said}: its confidence fits{_but(found)}."
    return f"{said}: {VERDICTS[found.verdict]} by {abs(found.gap):.2f}{_mostly(found)}."


def sample(taken: Sample) -> str:
    """What was looked at."""
    if taken.whole:
        return f"All {words.count(taken.looked_at)} {taken.things} of this time were looked at."
    return (
        f"{words.count(taken.looked_at)} of about {words.count(_rough(taken.stands_for))} {taken.things} were looked at, "
        "taken from all parts of this time."
    )


def about(count: float, taken: Sample) -> str:
    """A count; rough where it is an estimate."""
    return words.count(round(count)) if taken.whole else f"≈ {words.count(_rough(count))}"


def drift(value: float | None) -> str:
    """How many of the decisions go another way than before."""
    if value is None:
        return words.ABSENT
    return f"{percent(value)}{' moved' if value >= _DRIFTED else ''}"


def _rough(count: float) -> int:
    """With two digits that count."""
    whole = round(count)
    digits = max(len(str(whole)) - 2, 0)
    return round(whole, -digits)


def _worst(found: Calibration) -> Bin | None:
    off = [each for each in found.bins if each.is_off and each.count >= 5]
    return max(off, key=lambda each: abs(each.gap) * each.weight, default=None)


def _but(found: Calibration) -> str:
    worst = _worst(found)
    return "" if worst is None else f" on the whole, but {_where(worst)}"


def _mostly(found: Calibration) -> str:
    worst = _worst(found)
    return "" if worst is None or len(found.bins) < 2 else f", most of it where {_where(worst)}"


def _where(worst: Bin) -> str:
    return f"it says {worst.confidence:.2f} and is right {percent(worst.good)} of {words.count(worst.count)} times"
