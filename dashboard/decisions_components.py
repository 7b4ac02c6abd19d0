"""Who decides: the stages with the decisions that were seen in them, and the components that declare theirs."""

from __future__ import annotations

from collections.abc import Sequence

from dashboard import decisions_panels, decisions_words, filters, navigation, words
from tracing_core.query.decision_groups import Group
from tracing_core.query.decisions import DecisionType


def show(types: Sequence[DecisionType]) -> None:
    """The stages, each with its decisions; a row leads to the traces behind it."""
    seen = sorted(
        ((stage, each.decision, group) for each in types for stage, group in each.stages.items()),
        key=lambda row: (row[0], -row[2].count, row[1]),
    )
    at = decisions_panels.table(
        [_row(*each) for each in seen], "decisions.components", alt="Stages and the decisions that were seen in them"
    )
    if at is not None:
        stage, decision, _ = seen[at]
        navigation.open_page("traces", filters.remembered(stage=stage, decision=decision))


def _row(stage: str, decision: str, group: Group) -> dict[str, str]:
    return {
        "Stage": stage or "the trace itself",
        "Decision": decision,
        "Seen": words.count(round(group.count)),
        "Confidence": words.confidence(group.confidence),
        "Right": decisions_words.good(group),
    }
