"""Questions that were asked again and answered alike: what keeping the answers would have saved. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from tracing_core.advice.saving import Advice, AdviceKind, NoAdvice, Part, saving, shown

KEPT_FOR = timedelta(hours=24)
"""How old an answer may be that is given again."""
FEWEST_REPEATS = 10


@dataclass(frozen=True, kw_only=True, slots=True)
class Asking:
    """One time that a question was asked.

    Args:
        alike: what askings of the same question share: its words, the project and the library.
        answer: a fingerprint of what was answered; `prompt` one of what the model was told, empty when not known.
        cost_usd: None when it is not known.
    """

    trace_id: str
    alike: str
    question: str
    answer: str
    prompt: str
    started_at: datetime
    cost_usd: float | None
    weight: float


def repeated_questions(askings: Sequence[Asking], asked: int) -> Advice | NoAdvice:
    """What it would have saved to give an answer again instead of making it again.

    A repeat counts where the same answer had been given within 24 hours, or the model was told the very same.

    Args:
        askings: of the questions that were asked more than once.
        asked: how many questions were looked at, those asked once included.
    """
    parts, repeats, others = [], 0, 0
    for some in _by_question(askings):
        again = _repeats(some)
        others += len(some) - 1 - len(again)
        known = [each for each in again if each.cost_usd is not None]
        repeats += len(again)
        usd = sum((each.cost_usd or 0.0) * each.weight for each in known)
        last = max(again or some, key=lambda each: each.started_at)
        parts.append(Part(trace_id=last.trace_id, question=last.question, usd=usd, weight=1.0))
    if repeats < FEWEST_REPEATS:
        return _nothing(_too_few(asked, repeats, others))
    saved = saving(parts)
    if saved.low <= 0:
        return _nothing(f"{repeats:,} questions were asked again and answered alike, but what they cost is not known")
    return Advice(
        kind=AdviceKind.REPEATED_QUESTIONS,
        title="Keep answers for a day, and give them again",
        why=f"{repeats:,} of {asked:,} questions had been asked before, word for word, and were answered alike "
        "within 24 hours",
        caveat=f"{others:,} other repeats got another answer from another prompt and are not counted."
        if others
        else "Counted over the questions that were looked at alone, so it is at least this much.",
        saved=saved,
        traces=round(sum(each.weight for some in _by_question(askings) for each in _repeats(some))),
        evidence=shown(parts),
    )


def _by_question(askings: Iterable[Asking]) -> list[list[Asking]]:
    found: dict[str, list[Asking]] = defaultdict(list)
    for each in sorted(askings, key=lambda one: (one.started_at, one.trace_id)):
        found[each.alike].append(each)
    return list(found.values())


def _repeats(some: Sequence[Asking]) -> list[Asking]:
    """Those that a kept answer would have spared: it is kept from when it was made, and not anew when it is given."""
    made: dict[str, datetime] = {}
    found = []
    for each in some:
        keys = [key for key in (f"answer {each.answer}", each.prompt and f"prompt {each.prompt}") if key]
        if any(key in made and each.started_at - made[key] <= KEPT_FOR for key in keys):
            found.append(each)
            continue
        made.update(dict.fromkeys(keys, each.started_at))
    return found


def _too_few(asked: int, repeats: int, others: int) -> str:
    said = f"{repeats:,} of {asked:,} questions were asked again, word for word, and answered alike"
    return f"{said}; {others:,} more were answered otherwise" if others else said


def _nothing(why: str) -> NoAdvice:
    return NoAdvice(kind=AdviceKind.REPEATED_QUESTIONS, why=why)
