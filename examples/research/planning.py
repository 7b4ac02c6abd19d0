"""How a report is to be written: at first as the rubric asks, then as the gaps of the last round ask."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from examples.research.model import Plan, Rubric, Score

NAMES, EXAMPLE, DIFFERENCES, LIMITS = "names", "example", "differences", "limits"
MORE_DOCUMENTS = 3

_ASKED_BY = {"HT-1": EXAMPLE, "CO-2": DIFFERENCES, "META-9": LIMITS}
"""The section that a principle asks for from the beginning."""
_ADDED_FOR = {
    "META-1": NAMES,
    "META-2": NAMES,
    "HT-2": NAMES,
    "EX-2": NAMES,
    "CO-1": NAMES,
    "META-8": NAMES,
    "EX-1": NAMES,
    **_ASKED_BY,
}
"""The section that is added when a principle was not met."""
_MORE_EVIDENCE_FOR = frozenset({"META-1", "META-2", "META-5", "META-8", "EX-1", "CO-1", "HT-1"})
_ONLY_CITED_FOR = frozenset({"META-3", "META-4", "META-6"})


def first_plan(rubric: Rubric) -> Plan:
    """What the principles in force ask for."""
    sections = frozenset(section for principle, section in _ASKED_BY.items() if rubric.has(principle))
    return Plan(sections=sections)


def revised(plan: Plan, gaps: Iterable[Score]) -> tuple[Plan, list[str]]:
    """What to do otherwise in the next round.

    Returns:
        The plan, and each change with the principles it is for; no change when nothing is known against these gaps.
    """
    missed = [score.principle.id for score in gaps]
    sections = {_ADDED_FOR[each] for each in missed if each in _ADDED_FOR} - plan.sections
    changes = [f"added the section {each} for {_for(missed, _ADDED_FOR, each)}" for each in sorted(sections)]
    changed = replace(plan, sections=plan.sections | sections)
    if wanting := [each for each in missed if each in _MORE_EVIDENCE_FOR]:
        changed = replace(changed, documents=plan.documents + MORE_DOCUMENTS)
        changes.append(f"gave it {changed.documents} documents instead of {plan.documents} for {', '.join(wanting)}")
    loose = [each for each in missed if each in _ONLY_CITED_FOR]
    if loose and not plan.only_cited:
        changed = replace(changed, only_cited=True)
        changes.append(f"left out sentences without a source for {', '.join(loose)}")
    return changed, changes


def _for(missed: Iterable[str], sections: dict[str, str], section: str) -> str:
    return ", ".join(each for each in missed if sections.get(each) == section)
