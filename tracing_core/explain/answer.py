"""Puts the answer together: the findings with their numbers, sentences, charts and examples; who carries the time. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from tracing_core.confidence import effective_count
from tracing_core.differences import numbers, shares
from tracing_core.explain import definition as defined
from tracing_core.explain import sentences as say
from tracing_core.explain.alike import had, likes
from tracing_core.explain.carriers import StageTimes, carried, carriers
from tracing_core.explain.causes import Placed, Standing
from tracing_core.explain.charts import chart
from tracing_core.explain.definition import Definition
from tracing_core.explain.facts import Candidate, Facts, Key, Mask, Numbers
from tracing_core.explain.picking import picked
from tracing_core.explain.ranks import Groups
from tracing_core.explain.result import Carried, Cohort, Explanation, Finding, Group, Reference
from tracing_core.explain.search import Found, search
from tracing_core.intervals import quantile
from tracing_core.query.filters import TraceFilter

EXAMPLES = 10


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Material:
    """What is known of the traces that were drawn.

    Args:
        facts: about each, by row.
        groups: which rows are of the cohort.
        stages: what each waited for.
        ids: of the traces, by row.
        these, others: the two groups.
        late: whether one group could not be looked for in time.
    """

    facts: Facts
    groups: Groups
    stages: StageTimes
    ids: tuple[str, ...]
    these: Group
    others: Group
    late: bool = False


def answer(
    cohort: Cohort, against: Reference, described: str, picks: TraceFilter | None, material: Material
) -> Explanation:
    """What sets the cohort apart.

    Args:
        cohort, against: the question.
        described: the cohort in words.
        picks: its filter; None where no filter can say it.
        material: what is known.
    """
    candidates = material.facts.candidates()
    by_key = {(each.parts[0].kind, each.parts[0].subject): each.values for each in candidates if not each.flag}
    looked_at, findings = _findings(cohort, picks, material, candidates, by_key)
    one = material.these.looked_at == 1
    extra, parts = carriers(material.stages, material.groups, one=one)
    durations = by_key.get(defined.DURATION)
    these, others = (
        replace(group, typical_ms=_typical(durations, side, material.groups.weights))
        for group, side in ((material.these, material.groups.these), (material.others, ~material.groups.these))
    )
    return Explanation(
        cohort=cohort,
        reference=against,
        described=described,
        picks=picks,
        these=these,
        others=others,
        looked_at=looked_at,
        findings=findings,
        extra_ms=extra,
        carriers=parts,
        sentence=_sentence(cohort, looked_at, findings, material),
        notes=tuple(_notes(cohort, material)),
    )


def _findings(
    cohort: Cohort,
    picks: TraceFilter | None,
    material: Material,
    candidates: list[Candidate],
    numbers_by_key: dict[Key, Numbers],
) -> tuple[int, tuple[Finding, ...]]:
    """How many facts were looked at, and what stands out; of a single trace that was slow, failed or rated badly, what sets
    such traces apart.
    """
    if cohort.kind == "trace" and material.these.looked_at == 1:
        row = int(np.flatnonzero(material.groups.these)[0])
        for like in likes(material.facts, material.groups, numbers_by_key):
            alike = Cohort(kind=like.kind, chosen=cohort.chosen)
            teller, found = _search(alike, picks, _grouped(material, like.groups), candidates, numbers_by_key)
            if places := had(found.places, row):
                return found.looked_at, tuple(teller.findings(places))
    teller, found = _search(cohort, picks, material, candidates, numbers_by_key)
    return found.looked_at, tuple(teller.hints(found.hints) if found.hints else teller.findings(found.places))


def _search(
    cohort: Cohort,
    picks: TraceFilter | None,
    material: Material,
    candidates: list[Candidate],
    numbers_by_key: dict[Key, Numbers],
) -> tuple[_Teller, Found]:
    measured = numbers_by_key.get(defined.COST if cohort.kind == "expensive" else defined.DURATION)
    meant = Definition(cohort, measured)
    teller = _Teller(cohort, picks, material, by_time=meant.by_time)
    return teller, search(candidates, material.groups, meant)


def _grouped(material: Material, groups: Groups) -> Material:
    """The same traces in other groups, which those looked at are all of."""
    these, others = (
        replace(material.others, count=round(float(groups.weights[side].sum())), looked_at=int(side.sum()))
        for side in (groups.these, ~groups.these)
    )
    return replace(material, groups=groups, these=these, others=others)


def _sentence(cohort: Cohort, looked_at: int, findings: Sequence[Finding], material: Material) -> str:
    if not material.these.looked_at:
        return f"There are no {say.noun(cohort)} in this time, so there is nothing to explain."
    if not material.others.looked_at:
        return "There are no other traces to hold these against; choose a longer time, or a period before it."
    if findings and cohort.kind == "trace" and findings[0].role == "cause":
        return f"This trace has what sets traces like it apart: {findings[0].sentence}"
    if findings:
        return say.summary(findings, looked_at)
    return say.nothing(looked_at, cohort, material.these.looked_at, material.others.looked_at)


def _notes(cohort: Cohort, material: Material) -> Iterator[str]:
    these, others = material.these, material.others
    if not these.whole or not others.whole:
        ours = "" if cohort.kind == "trace" else f"{_of(these)} {say.noun(cohort)}, and "
        yield (
            f"A random sample was looked at: {ours}{_of(others)} others. Shares and times are estimates, and what concerns "
            "few of them may be missed."
        )
    if these.with_spans < these.looked_at or others.with_spans < others.looked_at:
        yield (
            f"Self times, models by span and the critical path were read of {these.with_spans:,} of these and "
            f"{others.with_spans:,} of the others."
        )
    if these.with_contents < these.looked_at or others.with_contents < others.looked_at:
        yield f"Documents were read of {these.with_contents:,} of these and {others.with_contents:,} of the others."
    if material.late:
        yield "One of the two groups is so rare that the rest of it could not be looked for in time; choose a shorter range."


def _of(group: Group) -> str:
    if group.whole:
        return f"all {group.count:,}"
    return f"{group.looked_at:,} of {'' if group.exact else 'about '}{group.count:,}"


def _typical(durations: Numbers | None, side: Mask, weights: Numbers) -> float | None:
    if durations is None:
        return None
    known = side & ~np.isnan(durations)
    return quantile(durations[known], 0.5, weights[known]).value if known.any() else None


class _Teller:
    """Makes findings of what stands out."""

    def __init__(self, cohort: Cohort, picks: TraceFilter | None, material: Material, *, by_time: bool) -> None:
        self._cohort, self._picks, self._material, self._by_time = cohort, picks, material, by_time
        groups = material.groups
        self._stands_for = groups.weights.copy()
        for group, side in ((material.these, groups.these), (material.others, ~groups.these)):
            total = float(groups.weights[side].sum())
            if total:
                self._stands_for[side] *= max(group.count, 1) / total

    def findings(self, places: Sequence[Placed]) -> Iterator[Finding]:
        """Of causes, and of what follows from them."""
        ranks = {id(place.standing): rank for rank, place in enumerate(places, 1)}
        for rank, place in enumerate(places, 1):
            of = None if place.of is None else ranks.get(id(place.of))
            made = self._finding(rank, place.standing)
            yield replace(made, role="cause" if place.cause else "follows", of=of, left=place.left)

    def hints(self, hints: Sequence[Standing]) -> Iterator[Finding]:
        """Of what is rare, where nothing can be proved."""
        for rank, standing in enumerate(hints, 1):
            yield replace(self._finding(rank, standing), role="hint")

    def _finding(self, rank: int, standing: Standing) -> Finding:
        candidate = standing.candidate
        base = Finding(
            rank=rank, role="cause", of=None, parts=candidate.parts, tier=candidate.tier, sentence="",
            effect=standing.difference.effect, low=-1.0, high=1.0, p_value=standing.p, left=None,
            chart=chart(candidate, self._material.facts, self._material.groups), examples=self._examples(standing),
        )  # fmt: skip
        return self._flag(base, candidate) if candidate.flag else self._number(base, candidate)

    def _flag(self, base: Finding, candidate: Candidate) -> Finding:
        groups, having = self._material.groups, candidate.values == 1
        known = ~np.isnan(candidate.values)
        sides = [known & groups.these, known & ~groups.these]
        (hits, total, real), (other_hits, other_total, other_real) = (
            (float(groups.weights[side & having].sum()), float(groups.weights[side].sum()),
             effective_count(groups.weights[side])) for side in sides
        )  # fmt: skip
        found = shares(hits, total, other_hits, other_total, effective=real, other_effective=other_real)
        if found is None:
            raise AssertionError("what stands out is known of both groups")
        carrying = self._carried(having)
        seen = [(int(np.count_nonzero(side & having)), int(np.count_nonzero(side))) for side in sides]
        ours, theirs = ((*seen[0], found.share.value), (*seen[1], found.other_share.value))
        return replace(
            base,
            low=found.difference.low,
            high=found.difference.high,
            share_these=found.share.value,
            share_others=found.other_share.value,
            these_hits=seen[0][0],
            others_hits=seen[1][0],
            carried=carrying,
            chosen=None if base.effect < 0 else picked(candidate.parts, self._picks),
            sentence=say.flag_sentence(candidate.parts, self._cohort, ours, theirs, carrying),
        )

    def _number(self, base: Finding, candidate: Candidate) -> Finding:
        groups, known = self._material.groups, ~np.isnan(candidate.values)
        ours, theirs = known & groups.these, known & ~groups.these
        values, weights = candidate.values, groups.weights
        found = numbers(values[ours], values[theirs], weights=weights[ours], other_weights=weights[theirs])
        medians = [quantile(values[side], 0.5, weights[side]).value for side in (ours, theirs)]
        part = candidate.parts[0]
        return replace(
            base,
            low=-1.0 if found is None else found.delta.low,
            high=1.0 if found is None else found.delta.high,
            median_these=medians[0],
            median_others=medians[1],
            unit=candidate.unit,
            sentence=say.number_sentence(part, self._cohort, medians[0], medians[1], base.effect, candidate.unit),
        )

    def _carried(self, having: Mask) -> Carried | None:
        """Only of those who took long it is a question which stage did."""
        if not self._by_time:
            return None
        return carried(self._material.stages, having, self._material.groups, self._stands_for)

    def _examples(self, standing: Standing) -> tuple[str, ...]:
        """Traces of the cohort that show it: those that have it, or those that are farthest from the others."""
        values = standing.candidate.values
        rows = np.flatnonzero(self._material.groups.these & ~np.isnan(values))
        signed = values[rows] * (1 if standing.difference.effect >= 0 else -1)
        if standing.candidate.flag:
            wanted = 1 if standing.difference.effect >= 0 else 0
            rows = rows[values[rows] == wanted]
        else:
            rows = rows[np.argsort(-signed, kind="stable")]
        return tuple(self._material.ids[row] for row in rows[:EXAMPLES])
