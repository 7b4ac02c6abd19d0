"""What a run leaves behind: the report with its front matter, and the evidence that it rests on."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import orjson

from examples.research.collection import as_evidence
from examples.research.model import Brief, Collected, Draft, Verdict
from tracing_core.places import Place

REPORT, EVIDENCE = "report", "evidence_pack"
_NOT_IN_NAMES = re.compile(r"[^a-z0-9]+")
_NAME_CHARS = 60


class Publisher:
    """Writes files below the folder of a project.

    Args:
        place: where the files of projects are.
    """

    def __init__(self, place: Place) -> None:
        self._place = place

    def report(self, project: str, trace_id: str, brief: Brief, draft: Draft, verdict: Verdict, at: datetime) -> str:
        """Write the report.

        Returns:
            Where it is.

        Raises:
            OSError: it cannot be written.
        """
        matter = {
            "trace_id": trace_id,
            "generated_at": at.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "quality_score": round(verdict.overall, 2),
            "quality_gate": "passed" if verdict.passed else "failed",
        }
        return self._write(project, "artifacts", f"{_name(brief, trace_id)}.md", front_matter(matter) + draft.text)

    def evidence(self, project: str, trace_id: str, brief: Brief, collected: Collected) -> str:
        """Write the evidence; see `report`."""
        found = {"trace_id": trace_id, "question": brief.question, **as_evidence(collected, ())}
        content = orjson.dumps(found, option=orjson.OPT_INDENT_2).decode()
        return self._write(project, "evidence", f"{_name(brief, trace_id)}.json", content)

    def _write(self, project: str, folder: str, name: str, content: str) -> str:
        self._place.write(f"{project}/{folder}", name, content.encode())
        return self._place.address(f"{project}/{folder}", name)


def front_matter(facts: Mapping[str, Any]) -> str:
    """`facts` as the YAML in front of a Markdown document."""
    return "---\n" + "".join(f"{name}: {value}\n" for name, value in facts.items()) + "---\n\n"


def _name(brief: Brief, trace_id: str) -> str:
    words = _NOT_IN_NAMES.sub("-", brief.question.lower()).strip("-")[:_NAME_CHARS].rstrip("-")
    return f"{words}-{trace_id}"
