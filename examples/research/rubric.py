"""Rubric: which principles a report is held to."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from examples.research.model import Brief, Principle, Rubric
from examples.research.principles import PRINCIPLES
from tracing_core.context import AnyTrace
from tracing_core.interface import TracingComponent


class RubricLoader(TracingComponent):
    """Loads the principles of a type of report, and puts aside those that an intent does not need.

    Args:
        principles: all that there are.
    """

    STAGE = "rubric"

    def __init__(self, principles: Sequence[Principle] = PRINCIPLES) -> None:
        self._principles = principles

    @property
    def component_name(self) -> str:
        return "rubric_loader"

    def get_trace_schema(self) -> dict[str, Any]:
        return {
            "description": "loads the principles that a report is held to",
            "stages": [self.STAGE],
            "decisions": {"rubric_loaded": {"why": True}, "intent_activation": {"why": True}},
            "outputs": [
                "total_principles",
                "activated_count",
                "deactivated_count",
                "critical_principles",
                "principle_list",
            ],
        }

    def load(self, brief: Brief, trace: AnyTrace) -> Rubric:
        """The rubric of one report; recorded as two decisions."""
        trace.start_stage(self.STAGE)
        loaded = [p for p in self._principles if not p.report_types or brief.report_type in p.report_types]
        rubric = Rubric(
            active=tuple(p for p in loaded if not p.intents or brief.intent in p.intents),
            inactive=tuple(p for p in loaded if p.intents and brief.intent not in p.intents),
        )
        trace.record(self.STAGE, "rubric_loaded", _loaded(loaded, brief))
        trace.record(self.STAGE, "intent_activation", _activation(rubric, brief))
        trace.end_stage(self.STAGE, outputs=_outputs(loaded, rubric))
        return rubric


def _loaded(loaded: Sequence[Principle], brief: Brief) -> dict[str, Any]:
    general = sum(not principle.report_types for principle in loaded)
    return {
        "what": f"{len(loaded)} principles ({general} META + {len(loaded) - general} {brief.report_type})",
        "why": f"report_type={brief.report_type}, domain={brief.domain}, intent={brief.intent}",
        "confidence": None,  # a rule says so; nothing is bet on it
        "inputs": {"report_type": brief.report_type, "domain": brief.domain, "intent": brief.intent},
    }


def _activation(rubric: Rubric, brief: Brief) -> dict[str, Any]:
    on = [p.id for p in rubric.active if p.intents]
    off = [p.id for p in rubric.inactive]
    return {
        "what": f"activated: [{', '.join(on)}]; deactivated: [{', '.join(off)}]",
        "why": f"these principles matter to some intents only, and this one is {brief.intent}",
        "confidence": None,  # a rule says so; nothing is bet on it
        "inputs": {"intent": brief.intent},
    }


def _outputs(loaded: Sequence[Principle], rubric: Rubric) -> dict[str, Any]:
    return {
        "total_principles": len(loaded),
        "activated_count": len(rubric.active),
        "deactivated_count": len(rubric.inactive),
        "critical_principles": [p.id for p in rubric.active if p.critical],
        "principle_list": [f"{p.id} {p.name}" for p in rubric.active],
    }
