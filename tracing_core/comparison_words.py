"""What a comparison of two groups says, in plain sentences with their uncertainty. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from math import isfinite

from tracing_core.comparison import Comparison, Line, Measure, by_key
from tracing_core.comparison_mix import Mix, Within
from tracing_core.intervals import Estimate

_BETTER_WORSE: Mapping[str, tuple[str, str]] = {"ms": ("quicker", "slower"), "usd": ("cheaper", "dearer")}
_NOUNS: Mapping[str, str] = {
    "duration_ms": "duration", "time_to_first_token_ms": "the time to the first token", "cost_usd": "cost",
    "input_tokens": "tokens in", "output_tokens": "tokens out", "failed": "errors", "flagged": "flagged answers",
    "rating": "rating", "quality_gate_passed": "the share that the gate passed", "overall_quality_score": "quality score",
    "confidence": "confidence",
}  # fmt: skip
_RUNS: Mapping[str, str] = {
    "rating": "rated answers", "quality_gate_passed": "judged runs", "overall_quality_score": "judged runs",
    "cost_usd": "priced runs",
}  # fmt: skip
_COLUMNS: Mapping[str, str] = {"user_id": "user"}
_FAR = 3
"""Times, from which on a ratio is told as such, and not as percent."""


def headline(found: Comparison, a: str = "A", b: str = "B") -> str:
    """The one sentence that sums it up: what surely differs of time, cost and quality, and what cannot be said yet."""
    if not found.lines:
        return f"Too few runs to compare: {found.runs_a:,} of {a} and {found.runs_b:,} of {b}."
    lines = by_key(found.lines)
    sure = _one_subject([*_speed(found, b), *_differing(lines, b)], f"{b} is ")
    return f"{_joined([*sure, *_quality(lines, nothing=not sure)])}."


def sentence(line: Line, b: str = "B") -> str:
    """What one number says."""
    if line.differs:
        return _capital(f"{_difference(line, b)}.")
    return f"{_nothing(line)}."


def mix_sentence(mix: Mix, a: str = "A", b: str = "B") -> str:
    """What else the groups differ in."""
    by = _COLUMNS.get(mix.by, mix.by)
    value = mix.value or f"no {by}"
    return (
        f"The two differ in {by}, too: {value} is {_percent(mix.share_a)} of {a} and {_percent(mix.share_b)} of {b}. "
        f"Differences may come from that."
    )


def within_sentence(within: Within, by: str) -> str:
    """What is left of a difference among runs that are alike."""
    noun = _NOUNS[within.key]
    said = f"{_capital(noun)}: {_size(within.key, within.difference)} on the whole, "
    said += f"{_size(within.key, within.within)} among runs of the same {_COLUMNS.get(by, by)}"
    if within.covered < 0.9:
        said += f" (which {_percent(within.covered)} have on both sides)"
    if within.turns:
        other_way = (within.within.value > within.none) != (within.difference.value > within.none)
        turned = other_way and within.within.excludes(within.none)
        said += f"; so among runs that are alike it {'turns round' if turned else 'may be chance'}"
    return f"{said}."


def _one_subject(parts: Sequence[str], subject: str) -> list[str]:
    """What is said of time and cost in one go: their subject once is enough."""
    alike = [each.removeprefix(subject) for each in parts if each.startswith(subject)]
    others = [each for each in parts if not each.startswith(subject)]
    if not alike:
        return others
    return [subject + " and ".join([", ".join(alike[:-1]), alike[-1]] if len(alike) > 1 else alike), *others]


def _speed(found: Comparison, b: str) -> Iterator[str]:
    """The first of median, P95 and first token that differs; P95 too where it is another story than the median."""
    told = [line for line in found.lines if line.measure.topic == "latency" and line.differs]
    for place, line in enumerate(told):
        first = told[0].ratio
        if not place or (line.measure.way == "p95" and line.ratio and first and line.ratio.excludes(first.value)):
            yield _difference(line, b)


def _differing(lines: Mapping[str, Line], b: str) -> Iterator[str]:
    for key in ("cost_usd", "failed", "flagged", "rating", "quality_gate_passed", "overall_quality_score"):
        line = lines.get(key)
        if line and line.differs:
            yield _difference(line, b)


def _quality(lines: Mapping[str, Line], *, nothing: bool) -> Iterator[str]:
    """What is said where chance explains all: of quality by what tells most of it, of all where nothing differs."""
    keys = ("rating", "quality_gate_passed", "overall_quality_score", "flagged")
    told = [lines[key] for key in keys if key in lines]
    if nothing:
        yield "time, cost and quality show no difference that chance does not explain"
    elif told and not any(line.differs for line in told):
        yield "quality shows no difference"
    if told and not any(line.differs for line in told):
        line = told[0]
        if line.needed:
            yield f"and {_needed(line)}"


def _difference(line: Line, b: str) -> str:
    measure, up = line.measure, line.difference.value > 0
    if measure.relative and line.ratio is not None:
        words = _BETTER_WORSE.get(measure.unit)
        if measure.key in ("input_tokens", "output_tokens"):
            return f"{b} has {_times(line.ratio, 'fewer', 'more')} {_NOUNS[measure.key]}"
        return f"{b} is {_times(line.ratio, *(words or ('less', 'more')))}{_of(measure)}"
    if measure.key in ("failed", "flagged"):
        return f"{_noun(measure)} are {_range(measure, line.difference)} {'more' if up else 'less'} frequent"
    return f"{_noun(measure)} is {_range(measure, line.difference)} {'higher' if up else 'lower'}"


def _of(measure: Measure) -> str:
    if measure.key.startswith("stage:"):
        return f" in {measure.title}"
    if measure.way == "p95":
        return " at the 95th percentile"
    return " to the first token" if measure.key == "time_to_first_token_ms" else ""


def _noun(measure: Measure) -> str:
    return _NOUNS.get(measure.key, measure.title)


def _nothing(line: Line) -> str:
    said = "No difference that chance does not explain"
    if line.needed:
        return f"{said}; {_needed(line)}"
    if line.needed == 0:
        return f"{said}, and one of {_worthwhile(line.measure)} would most likely have shown"
    return said


def _needed(line: Line) -> str:
    runs = _RUNS.get(line.measure.key, "runs")
    return f"{line.needed:,} more {runs} a side would be needed to see a difference of {_worthwhile(line.measure)}"


def _worthwhile(measure: Measure) -> str:
    if measure.relative:
        return f"{measure.worthwhile * 100:.0f} %"
    return f"{measure.worthwhile * 100:.0f} points" if measure.unit == "share" else f"{measure.worthwhile:g}"


def _times(ratio: Estimate, less: str, more: str) -> str:
    """Such as `18 % to 31 % quicker`, `3.1 to 4.2 times slower`."""
    word = more if ratio.value > 1 else less
    if ratio.value >= _FAR or not isfinite(ratio.high):
        most = f"{ratio.high:.1f}" if isfinite(ratio.high) else "many more"
        return f"{ratio.low:.1f} to {most} times as {_PLAIN.get(word, 'much')}"
    low, high = sorted(abs(each - 1) for each in (ratio.low, ratio.high))
    if (ratio.low - 1) * (ratio.high - 1) < 0:  # the test is sure, its interval just not quite
        return f"about {_percent(abs(ratio.value - 1))} {word}"
    return f"{_percent(low)} to {_percent(high)} {word}"


_PLAIN: Mapping[str, str] = {"slower": "slow", "dearer": "dear", "more": "many"}


def _range(measure: Measure, difference: Estimate) -> str:
    low, high = sorted(abs(each) for each in (difference.low, difference.high))
    if (difference.low < 0) != (difference.high < 0):
        return f"about {_amount(measure, abs(difference.value))}"
    first = _amount(measure, low)
    return f"{first.removesuffix(' points')} to {_amount(measure, high)}"


def _amount(measure: Measure, value: float) -> str:
    return f"{value * 100:.1f} points" if measure.unit == "share" else f"{value:.2f}"


def _size(key: str, difference: Estimate) -> str:
    """A difference with its interval, for comparing two of them."""
    if key == "duration_ms":
        return f"{_signed(difference.value - 1)} ({_signed(difference.low - 1)} to {_signed(difference.high - 1)})"
    if key == "cost_usd":
        return f"{_dollars(difference.value)} ({_dollars(difference.low)} to {_dollars(difference.high)})"
    if key in ("rating", "confidence"):
        return f"{difference.value:+.2f} ({difference.low:+.2f} to {difference.high:+.2f})"
    value, low, high = (f"{each * 100:+.1f}" for each in (difference.value, difference.low, difference.high))
    return f"{value} points ({low} to {high})"


def _dollars(value: float) -> str:
    return f"{'-' if value < 0 else '+'}${abs(value):.2g}"


def _signed(part: float) -> str:
    return f"{part * 100:+.0f} %"


def _percent(part: float) -> str:
    return "<1 %" if 0 < part < 0.005 else f"{part * 100:.0f} %"


def _joined(parts: Sequence[str]) -> str:
    return _capital("; ".join(parts).replace("; and ", ", and "))


def _capital(said: str) -> str:
    return said[:1].upper() + said[1:]
