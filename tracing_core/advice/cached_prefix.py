"""Prompts that begin alike: what the provider's price for cached input would have saved. Pure."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from tracing_core.advice.runs import Call, Run
from tracing_core.advice.saving import Advice, AdviceKind, NoAdvice, Part, percent, saving, shown, stands_for
from tracing_core.cost import CostTracker

SHORTEST_TOKENS, STEP_TOKENS = 1024, 128
"""Providers keep no shorter beginnings, and only whole steps of them."""
FEWEST_CALLS = 50
_SHARED = 0.8
"""What share of the calls of an operation has to begin alike."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Group:
    model: str
    operation: str
    calls: tuple[tuple[Run, Call], ...]
    prefix: str


def cached_prefixes(
    runs: Sequence[Run], prices: CostTracker, warm: Mapping[str, float]
) -> tuple[tuple[Advice, ...], NoAdvice | None]:
    """What caching the beginnings of prompts would have saved, by model and operation.

    Args:
        runs: a sample of traces.
        prices: those in force.
        warm: by model, the share of traces (0 to 1) that began while the provider would still have kept the prompt of
            another one before.
    """
    groups = _groups(runs)
    if not groups:
        return (), _nothing(f"no operation has {FEWEST_CALLS} calls with recorded prompts")
    long = [group for group in groups if _longest(group) >= SHORTEST_TOKENS]
    if not long:
        longest = max(groups, key=_longest)
        return (), _nothing(
            f"prompts of {longest.operation} share their first {_longest(longest):,.0f} tokens; providers cache from "
            f"{SHORTEST_TOKENS:,}"
        )
    found = [advice for group in long if (advice := _advice(group, runs, prices, warm.get(group.model, 0.0)))]
    if found:
        return tuple(found), None
    return (), _nothing("beginnings that prompts share are cached already, or the model has no lower price for them")


def _groups(runs: Sequence[Run]) -> list[_Group]:
    found: dict[tuple[str, str], list[tuple[Run, Call]]] = defaultdict(list)
    for run in runs:
        for call in run.calls:
            if call.prompt and call.model and call.usage.input_tokens:
                found[call.model, call.operation].append((run, call))
    return [
        _Group(model=model, operation=operation, calls=tuple(some), prefix=_prefix([call.prompt for _, call in some]))
        for (model, operation), some in sorted(found.items())
        if len(some) >= FEWEST_CALLS
    ]


def _prefix(prompts: Sequence[str]) -> str:
    """The longest beginning that enough of the prompts have; found by halving, since a shorter one has at least as many."""
    low, high = 0, max(map(len, prompts))
    while low < high:
        middle = (low + high + 1) // 2
        _, count = Counter(prompt[:middle] for prompt in prompts if len(prompt) >= middle).most_common(1)[0]
        low, high = (middle, high) if count >= _SHARED * len(prompts) else (low, middle - 1)
    return Counter(prompt[:low] for prompt in prompts if len(prompt) >= low).most_common(1)[0][0]


def _tokens(call: Call, prefix: str) -> int:
    """How many tokens of the call's input a cache would have had; what it had already is not counted again."""
    if not call.prompt.startswith(prefix):
        return 0
    of_prefix = (call.usage.input_tokens or 0) * len(prefix) / len(call.prompt)
    whole = int(of_prefix // STEP_TOKENS) * STEP_TOKENS
    return whole if whole >= SHORTEST_TOKENS else 0


def _longest(group: _Group) -> float:
    counts = [(call.usage.input_tokens or 0) * len(group.prefix) / len(call.prompt) for _, call in group.calls]
    return sorted(counts)[len(counts) // 2]


def _advice(group: _Group, runs: Sequence[Run], prices: CostTracker, warm: float) -> Advice | None:
    saved_by: dict[str, float] = defaultdict(float)
    for run, call in group.calls:
        usd = _saved(call, group.prefix, prices, warm)
        if usd is None:
            return None
        saved_by[run.trace_id] += usd
    parts = [
        Part(trace_id=run.trace_id, question=run.question, usd=saved_by.get(run.trace_id, 0.0), weight=run.weight)
        for run in runs
    ]
    if sum(part.usd for part in parts) <= 0 or (saved := saving(parts)).low <= 0:
        return None
    return Advice(
        kind=AdviceKind.CACHED_PREFIX,
        title=f"Let {group.model} cache the beginning of the prompts of {group.operation}",
        why=f"Their first {_longest(group):,.0f} tokens are the same, word for word; {percent(warm)} came within five "
        "minutes of another one, while a cache would still have had them",
        caveat="What a provider really has in its cache is its own affair; what it says was cached is not counted here.",
        saved=saved,
        traces=stands_for(parts),
        evidence=shown(parts),
        params={"model": group.model},
    )


def _saved(call: Call, prefix: str, prices: CostTracker, warm: float) -> float | None:
    """Dollars: less for what a cache has, more for what has to be written into it. None without a price."""
    tokens, had = _tokens(call, prefix), call.usage.cached_tokens or 0
    if tokens <= had:
        return 0.0
    plain, read, written = (
        prices.cost(call.model, usage, call.provider, call.started_at)
        for usage in (
            call.usage,
            replace(call.usage, cached_tokens=tokens),
            replace(call.usage, cache_write_tokens=max(tokens - had, call.usage.cache_write_tokens or 0)),
        )
    )
    if plain is None or read is None or written is None:
        return None
    return warm * float(plain - read) - (1 - warm) * float(written - plain)


def _nothing(why: str) -> NoAdvice:
    return NoAdvice(kind=AdviceKind.CACHED_PREFIX, why=why)
