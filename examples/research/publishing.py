"""What a run leaves behind: the report, and the evidence that it rests on."""

from __future__ import annotations

import re
from pathlib import Path

import orjson

from examples.research.collection import as_evidence
from examples.research.model import Brief, Collected, Draft
from tracing_core.whole_files import write_whole

REPORT, EVIDENCE = "report", "evidence_pack"
_NOT_IN_NAMES = re.compile(r"[^a-z0-9]+")
_NAME_CHARS = 60


class Publisher:
    """Writes files below the folder of a project.

    Args:
        folder: that of all projects.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def report_path(self, project: str, brief: Brief, trace_id: str) -> Path:
        """Where the report of a run will be."""
        return self._folder / project / "artifacts" / f"{_name(brief, trace_id)}.md"

    def evidence_path(self, project: str, brief: Brief, trace_id: str) -> Path:
        """Where its evidence will be."""
        return self._folder / project / "evidence" / f"{_name(brief, trace_id)}.json"

    @staticmethod
    def write_report(path: Path, draft: Draft) -> None:
        """Write the report, whole or not at all.

        Raises:
            OSError: it cannot be written.
        """
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, draft.text.encode())

    @staticmethod
    def write_evidence(path: Path, brief: Brief, collected: Collected) -> None:
        """Write what was collected; see `write_report`."""
        found = {"question": brief.question, **as_evidence(collected, ())}
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, orjson.dumps(found, option=orjson.OPT_INDENT_2))


def _name(brief: Brief, trace_id: str) -> str:
    words = _NOT_IN_NAMES.sub("-", brief.question.lower()).strip("-")[:_NAME_CHARS].rstrip("-")
    return f"{words}-{trace_id}"
