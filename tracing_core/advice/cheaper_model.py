"""A cheaper model where quality did not differ: answers to the same kinds of questions are compared, and tokens priced anew. Pure.

The cheaper model's answers are weighed so that its kinds of questions have the shares that they have among the dearer
model's. It is advised only where it is shown, and not merely not disproved, to be no worse than by a margin.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import permutations
from math import sqrt

import numpy as np

from tracing_core.advice.runs import Call, Run
from tracing_core.advice.saving import Advice, AdviceKind, NoAdvice, Part, percent, saving, shown, stands_for
from tracing_core.cost import CostTracker
from tracing_core.differences import numbers, shares
from tracing_core.intervals import Estimate
from tracing_core.model import TokenUsage

MARGINS: Mapping[str, float] = {"flagged": 0.05, "gate failed": 0.05, "rating": 0.25, "confidence": 0.05}
"""By how much the cheaper model may be worse at most: shares and confidence of 1, ratings of 5 stars."""
FEWEST_ANSWERS, FEWEST_CALLS = 50, 30
_FEWEST_OF_A_KIND = 3
_ALPHA = 0.05
_MOST_UNPRICED = 0.1
Amount = Callable[["Answered"], float | None]


@dataclass(frozen=True, kw_only=True, slots=True)
class Answered:
    """An answer: by which model, to which kind of question, and how good. None is not known."""

    trace_id: str
    model: str
    kind: str
    weight: float
    flagged: bool
    rating: float | None
    confidence: float | None
    gate_passed: bool | None


@dataclass(frozen=True, kw_only=True, slots=True)
class _Look:
    """What one measure says: how much worse the cheaper model is, positive being worse."""

    name: str
    worse: Estimate
    count: float
    other_count: float

    @property
    def proven(self) -> bool:
        """Whether it is shown to be worse by no more than the margin."""
        return self.worse.high <= MARGINS[self.name]

    @property
    def tolerable(self) -> bool:
        """Whether nothing shows it to be worse."""
        return self.proven or (self.worse.value <= MARGINS[self.name] and self.worse.low <= 0)


def cheaper_models(
    answers: Sequence[Answered], runs: Sequence[Run], prices: CostTracker
) -> tuple[tuple[Advice, ...], NoAdvice | None]:
    """For each model the cheaper one that would have saved most, if there is one.

    Args:
        answers: of a sample of traces.
        runs: some of these, read whole; their weights make them stand for all.
        prices: those in force.
    """
    by_model: dict[str, list[Answered]] = defaultdict(list)
    for each in answers:
        if each.model:
            by_model[each.model].append(each)
    models = sorted(name for name, some in by_model.items() if len(some) >= FEWEST_ANSWERS)
    if len(models) < 2:
        return (), _nothing(f"fewer than two models gave {FEWEST_ANSWERS} answers each, so there is nothing to compare")
    kinds = {each.trace_id: each.kind for each in answers}
    pairs = [_Pair(dear, cheap, by_model, runs, kinds, prices) for dear, cheap in permutations(models, 2)]
    cheaper = [pair for pair in pairs if pair.saves]
    found: dict[str, Advice] = {}
    for pair in cheaper:
        advice = pair.advice(level=1 - _ALPHA / len(cheaper))
        best = found.get(pair.dear)
        if advice and advice.saved and (best is None or best.saved is None or advice.saved.usd > best.saved.usd):
            found[pair.dear] = advice
    if found:
        return tuple(found[name] for name in sorted(found)), None
    return (), _why_not(cheaper)


class _Pair:
    """A dear model and a cheap one, over the kinds of questions that both answered."""

    def __init__(
        self,
        dear: str,
        cheap: str,
        by_model: Mapping[str, Sequence[Answered]],
        runs: Sequence[Run],
        kinds: Mapping[str, str],
        prices: CostTracker,
    ) -> None:
        self.dear, self.cheap = dear, cheap
        often = [Counter(each.kind for each in by_model[name]) for name in (dear, cheap)]
        self._kinds = {kind for kind in often[0] if min(each[kind] for each in often) >= _FEWEST_OF_A_KIND}
        self._dear = [each for each in by_model[dear] if each.kind in self._kinds]
        self._cheap = _weighed(self._dear, [each for each in by_model[cheap] if each.kind in self._kinds])
        here = [run for run in runs if kinds.get(run.trace_id) in self._kinds]
        self._runs = here
        self._scale = _Scale.between(_calls(here, dear), _calls(here, cheap))
        self._parts = self._priced(prices)
        self.saves = bool(self._parts) and sum(part.usd * part.weight for part in self._parts) > 0

    def looks(self, level: float) -> tuple[_Look, ...]:
        """What each measure says that both have."""
        found = (
            self._shares("flagged", lambda each: float(each.flagged), level),
            self._shares("gate failed", lambda each: None if each.gate_passed is None else float(not each.gate_passed), level),
            self._means("rating", lambda each: each.rating, level),
            self._means("confidence", lambda each: each.confidence, level),
        )  # fmt: skip
        return tuple(look for look in found if look is not None)

    def advice(self, level: float) -> Advice | None:
        """The advice, where enough is proven."""
        looks = self.looks(level)
        proven = [look for look in looks if look.proven]
        if not any(look.name == "flagged" for look in proven) or len(proven) < 2:
            return None
        if not all(look.tolerable for look in looks) or not self._parts:
            return None
        saved = saving(self._parts, also=self._scale.error)
        if saved.low <= 0:
            return None
        unproven = [look for look in looks if not look.proven]
        return Advice(
            kind=AdviceKind.CHEAPER_MODEL,
            title=f"Let {self.cheap} answer what {self.dear} answers",
            why=f"Over the kinds of questions that both answered, {self.cheap} is no worse: "
            + "; ".join(_said(look) for look in proven),
            caveat=_caveat(unproven, len(self._kinds)),
            saved=saved,
            traces=stands_for(self._parts),
            evidence=shown(self._parts),
            params={"model": self.dear},
        )

    def closest(self) -> str:
        """Why this is not advised."""
        looks = self.looks(1 - _ALPHA)
        doubtful = sorted((look for look in looks if not look.proven), key=lambda look: look.tolerable)
        if not looks or not doubtful:
            return f"{self.cheap} is cheaper than {self.dear}, but too few measures of quality are known of both"
        return f"{self.cheap} is cheaper than {self.dear}, but it is not shown to be as good: {_said(doubtful[0])}"

    def _shares(self, name: str, amount: Amount, level: float) -> _Look | None:
        ours, theirs = (_known(some, amount) for some in (self._cheap, self._dear))
        if min(len(ours[0]), len(theirs[0])) < FEWEST_ANSWERS:
            return None
        sides = [
            (float(values @ weights), float(weights.sum()), float(weights.sum() ** 2 / (weights**2).sum()))
            for values, weights in (ours, theirs)
        ]
        (hits, total, effective), (other_hits, other_total, other_effective) = sides
        found = shares(
            min(hits, total), total, min(other_hits, other_total), other_total,
            effective=effective, other_effective=other_effective, level=level,
        )  # fmt: skip
        if found is None:
            return None
        return _Look(name=name, worse=found.difference, count=found.count, other_count=found.other_count)

    def _means(self, name: str, amount: Amount, level: float) -> _Look | None:
        ours, theirs = (_known(some, amount) for some in (self._cheap, self._dear))
        found = numbers(ours[0], theirs[0], weights=ours[1], other_weights=theirs[1], level=level)
        if found is None:
            return None
        better = found.mean_difference
        worse = Estimate(value=-better.value, low=-better.high, high=-better.low)
        return _Look(name=name, worse=worse, count=found.count, other_count=found.other_count)

    def _priced(self, prices: CostTracker) -> list[Part]:
        parts, unpriced, known = [], 0, 0
        provider = Counter(call.provider for run in self._runs for call in _calls([run], self.cheap)).most_common(1)
        for run in self._runs:
            calls = _calls([run], self.dear)
            anew = [self._anew(call, provider[0][0] if provider else None, prices) for call in calls]
            if any(each is None for each in anew) or any(call.cost_usd is None for call in calls):
                unpriced += 1
                continue
            usd = sum((call.cost_usd or 0.0) - (new or 0.0) for call, new in zip(calls, anew, strict=True))
            known += bool(calls)
            parts.append(Part(trace_id=run.trace_id, question=run.question, usd=usd, weight=run.weight))
        enough = known >= FEWEST_CALLS and unpriced <= _MOST_UNPRICED * (known + unpriced) and self._scale.known
        return parts if enough else []

    def _anew(self, call: Call, provider: str | None, prices: CostTracker) -> float | None:
        """The call by the cheap model, without a cache, with as many tokens as it takes for such a question."""
        usage = TokenUsage(
            input_tokens=round((call.usage.input_tokens or 0) * self._scale.input),
            output_tokens=round((call.usage.output_tokens or 0) * self._scale.output),
        )
        cost = prices.cost(self.cheap, usage, provider, call.started_at, embeds=call.embeds)
        return None if cost is None else float(cost)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Scale:
    """Tokens that the cheap model takes for each of the dear one's, and the relative standard error of that."""

    input: float
    output: float
    error: float
    known: bool

    @classmethod
    def between(cls, dear: Sequence[Call], cheap: Sequence[Call]) -> _Scale:
        if min(len(dear), len(cheap)) < FEWEST_CALLS:
            return cls(input=1.0, output=1.0, error=0.0, known=False)
        each = [_mean(call.usage.output_tokens for call in calls) for calls in (dear, cheap)]
        (mean, error), (other, other_error) = each
        if not mean or not other:
            return cls(input=1.0, output=1.0, error=0.0, known=False)
        densities = [_density(calls) for calls in (dear, cheap)]
        dense = densities[1] / densities[0] if densities[0] and densities[1] else 1.0
        relative = sqrt((error / mean) ** 2 + (other_error / other) ** 2)
        return cls(input=dense, output=other / mean, error=relative, known=True)


def _mean(given: Iterable[int | None]) -> tuple[float, float]:
    known = np.array([value for value in given if value is not None], dtype=float)
    if len(known) < FEWEST_CALLS:
        return 0.0, 0.0
    return float(known.mean()), float(known.std(ddof=1) / sqrt(len(known)))


def _density(calls: Iterable[Call]) -> float | None:
    """Tokens for each character of a prompt: models cut text into tokens differently."""
    known = [(call.usage.input_tokens, len(call.prompt)) for call in calls if call.prompt and call.usage.input_tokens]
    characters = sum(length for _, length in known)
    return sum(tokens or 0 for tokens, _ in known) / characters if len(known) >= FEWEST_CALLS else None


def _calls(runs: Iterable[Run], model: str) -> list[Call]:
    return [call for run in runs for call in run.calls if call.model == model]


def _weighed(like: Sequence[Answered], answers: Sequence[Answered]) -> list[Answered]:
    """The answers, weighed so that each kind has the share that it has among those of the other model."""
    wanted, have = (Counter[str](), Counter[str]())
    for counter, some in ((wanted, like), (have, answers)):
        for each in some:
            counter[each.kind] += each.weight  # type: ignore[assignment]  # weights need not be whole
    return [replace(each, weight=each.weight * wanted[each.kind] / have[each.kind]) for each in answers]


def _known(some: Iterable[Answered], amount: Amount) -> tuple[np.ndarray, np.ndarray]:
    pairs = [(value, each.weight) for each in some if (value := amount(each)) is not None]
    values, weights = ([pair[at] for pair in pairs] for at in (0, 1))
    return np.array(values, dtype=float), np.array(weights, dtype=float)


def _said(look: _Look) -> str:
    shown_as = percent if look.name in ("flagged", "gate failed") else (lambda value: f"{value:.2f}")
    said = "more" if look.name in ("flagged", "gate failed") else "lower"
    way = said if look.worse.value >= 0 else {"more": "less", "lower": "higher"}[said]
    return (
        f"{look.name} {shown_as(abs(look.worse.value))} {way}, at most {shown_as(max(look.worse.high, 0.0))} {said} "
        f"({look.count:,.0f} and {look.other_count:,.0f} answers)"
    )


def _caveat(unproven: Sequence[_Look], kinds: int) -> str:
    said = (
        f"Compared over {kinds} kinds of questions; who chose the model may have had reasons that traces do not show."
    )
    if unproven:
        names = ", ".join(f"{look.name} ({look.count:,.0f} and {look.other_count:,.0f})" for look in unproven)
        said += f" Too few are known to tell by {names}."
    return said


def _why_not(cheaper: Sequence[_Pair]) -> NoAdvice:
    if not cheaper:
        return _nothing("no model would have been cheaper over the same questions at known prices")
    return _nothing(cheaper[0].closest())


def _nothing(why: str) -> NoAdvice:
    return NoAdvice(kind=AdviceKind.CHEAPER_MODEL, why=why)
