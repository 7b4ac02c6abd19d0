"""The words of an explanation: one plain sentence for each finding, with its numbers. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from tracing_core.explain.facts import ABSENT, ANY_ERROR
from tracing_core.explain.result import Carried, Cohort, Finding, Part

NOUNS = {
    "slow": "slow traces", "failed": "failed traces", "flagged": "flagged traces", "low_rated": "low-rated traces",
    "expensive": "expensive traces", "box": "traces in the box", "filter": "chosen traces", "trace": "this trace",
}  # fmt: skip
_ALL_COUNTED = 200
"""Up to so many, hits are told as 38 of 41."""
_MANY_TIMES = 100
_OURS = frozenset({"tokens", "evidence", "count", "cost", "quality", "time"})
"""Kinds whose subjects we have named."""


def noun(cohort: Cohort) -> str:
    """What the traces of a cohort are called."""
    return NOUNS[cohort.kind]


def flag_sentence(
    parts: Sequence[Part], cohort: Cohort, ours: tuple[int, int, float], theirs: tuple[int, int, float],
    carried: Carried | None,
) -> str:  # fmt: skip
    """About a fact that is there or not.

    Args:
        parts: the fact.
        cohort: whose traces these are.
        ours, theirs: how many of those looked at have it, how many were looked at, and the share (weighted), 0 to 1.
        carried: the stage that takes longer with it.
    """
    whose = noun(cohort) if ours[1] != 1 else noun(cohort).removesuffix("s")
    these = f"{_part(*ours)} {whose} against {percent(theirs[2])} of the others"
    fact = _fact(parts)
    if carried is not None and ours[2] > theirs[2]:
        when = "it " + fact.removeprefix(f"{carried.stage} ") if fact.startswith(f"{carried.stage} failed") else fact
        return f"{carried.stage} took {times(carried.ratio)} longer when {when}: {these}."
    if cohort.kind == "trace":
        return f"{_capital(fact)}: so it is in {percent(theirs[2])} of the others."
    ratio = ours[2] / theirs[2] if theirs[2] else None
    more = "" if ratio is None or ratio < 1.05 or ratio > _MANY_TIMES else f", {times(ratio)} as often"
    return f"{_capital(fact)} in {these}{more}."


def number_sentence(
    part: Part, cohort: Cohort, ours: float, theirs: float, effect: float, unit: str
) -> str:  # fmt: skip
    """About a number: the medians of both groups, and how often one of these is above one of the others."""
    subject = _number_subject(part)
    amounts = f"{amount(ours, unit)} against {amount(theirs, unit)}"
    if cohort.kind == "trace":
        side = "above" if effect > 0 else "below"
        return f"{_capital(subject)} {'are' if _was(part) == 'were' else 'is'} {amounts} (median), {side} {percent((1 + abs(effect)) / 2)} of the others."
    ratio = ours / theirs if theirs > 0 and ours > 0 else 1.0
    times_as = f"{times(ratio)} as {_much(part, unit)}" if ratio >= 1.15 else ("higher" if effect > 0 else "lower")
    sides = "above" if effect > 0 else "below"
    often = percent((1 + abs(effect)) / 2)
    return (
        f"{_capital(subject)} {_was(part)} {times_as} in {noun(cohort)}: {amounts} (medians); "
        f"any one of them is {sides} any one of the others {often} of the time."
    )


def phrase(part: Part) -> str:
    """A fact in words."""
    subject, value = part.subject, part.value
    if value == ABSENT:
        said = {
            "decision": f"no {subject} was decided", "span": f"{subject} did not run",
            "stage": f"{subject} did not run", "self_time": f"{subject} did not run",
        }  # fmt: skip
        return said.get(part.kind, f"{subject} is absent")
    said = {
        "decision": f"{subject} chose {value}",
        "confidence": f"{subject} was {value} sure" if value and value[0].isdigit() else f"{subject} was sure",
        "alternative": f"{subject} decided against {value}",
        "error": f"{subject} failed" + ("" if value == ANY_ERROR else f" with {value}"),
        "document": f"document {value} was found",
        "principle": f"{value} was a {subject}" if subject == "gap" else part.words,
    }  # fmt: skip
    return said.get(part.kind, part.words)


def nothing(looked_at: int, cohort: Cohort, these: int, others: int) -> str:
    """That nothing stands out."""
    return (
        f"Nothing stands out: {looked_at:,} facts were looked at in {these:,} {NOUNS[cohort.kind] if these != 1 else 'trace'} "
        f"and {others:,} others, and none differs by more than chance would make one of so many differ."
    )


def summary(findings: Sequence[Finding], looked_at: int) -> str:
    """The answer in one sentence: the first cause, and how many there are."""
    first = findings[0]
    if first.role == "hint":
        return f"So few traces cannot prove a cause; of {looked_at:,} facts looked at, {len(findings)} are rare among the others."
    causes = sum(finding.role == "cause" for finding in findings)
    more = (
        ""
        if causes < 2
        else f" {causes - 1} more {'cause stands on its' if causes == 2 else 'causes stand on their'} own."
    )
    return first.sentence + more


def percent(share: float) -> str:
    """`9 %`; with a digit more below ten."""
    if 0 < share < 0.001:
        return "less than 0.1 %"
    return f"{share:.0%}".replace("%", " %") if share >= 0.0995 or share == 0 else f"{share * 100:.1f} %"


def times(ratio: float) -> str:
    """`4.1x`."""
    return f"{ratio:.1f}x" if ratio < 10 else f"{ratio:,.0f}x"


def amount(number: float, unit: str) -> str:
    """A number with its unit, as short as it can be read."""
    if unit == "ms" and number < 1000:
        return f"{number:.{0 if number >= 10 else 1 if number >= 1 else 2}f} ms"
    if unit == "ms":
        return f"{number / 1000:,.2f} s"
    if unit == "USD":
        return f"${number:,.4f}" if number < 1 else f"${number:,.2f}"
    return f"{number:,.0f}" if abs(number) >= 100 or number == int(number) else f"{number:.3g}"


def _fact(parts: Sequence[Part]) -> str:
    if (
        len(parts) > 1
        and {part.kind for part in parts} == {"decision", "confidence"}
        and len({part.subject for part in parts}) == 1
    ):
        choice, sure = sorted(parts, key=lambda part: part.kind != "decision")
        return f"{phrase(choice)} and {phrase(sure).removeprefix(sure.subject).strip()}"
    return " and ".join(map(phrase, parts))


def _part(hits: int, of: int, share: float) -> str:
    return f"{hits} of {of}" if of <= _ALL_COUNTED else f"{percent(share)} of"


def _number_subject(part: Part) -> str:
    said = {
        "stage": f"the time in {part.subject}", "self_time": f"the own time of {part.subject}",
        "confidence": f"the confidence of {part.subject}",
    }  # fmt: skip
    return said.get(part.kind, f"the {part.subject}" if part.kind in _OURS else part.subject)


def _was(part: Part) -> str:
    return "were" if _is_many(part) else "was"


def _is_many(part: Part) -> bool:
    """Whether what is counted is called by a plural, such as spans, citations and input tokens."""
    return part.kind == "tokens" or (part.kind in _OURS and part.subject.partition(" ")[0].endswith("s"))


def _much(part: Part, unit: str) -> str:
    if part.kind == "evidence":
        return "much"
    return "long" if unit == "ms" else "many" if _is_many(part) else "high"


def _capital(text: str) -> str:
    """The name of something of the user's stays as it is written; words of ours begin the sentence."""
    return text[:1].upper() + text[1:] if text.split(" ", 1)[0] in ("the", "no", "document") else text
