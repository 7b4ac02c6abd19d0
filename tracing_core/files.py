"""One JSON file a trace: `{data}/projects/{project}/_traces/{trace_id}.json`, written whole or not at all."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import orjson

from tracing_core.document import to_document
from tracing_core.document_reader import from_document
from tracing_core.errors import InvalidInput
from tracing_core.ids import check_project, check_trace_id
from tracing_core.jsontext import dump
from tracing_core.model import TraceData
from tracing_core.whole_files import write_whole

_TRACES = "_traces"


class TraceFiles:
    """The files of all traces below one directory.

    Args:
        projects_dir: holds one directory per project.
    """

    def __init__(self, projects_dir: Path) -> None:
        self._projects_dir = projects_dir.absolute()
        self._made: set[Path] = set()
        self._directories: dict[str, Path] = {}

    def path(self, project: str, trace_id: str) -> Path:
        """Where the file of a trace is.

        Raises:
            InvalidInput: project or id cannot name a file; what passes stays below the directory.
        """
        directory = self._directories.get(project)
        if directory is None:
            directory = self._projects_dir / check_project(project) / _TRACES
            self._directories[project] = directory
        return directory / f"{check_trace_id(trace_id)}.json"

    def write(self, trace: TraceData) -> Path:
        """Write the file of `trace`; readers see the old one or the new one, never half of it.

        Raises:
            InvalidInput: project or id cannot name a file.
            OSError: the disk is full or the directory cannot be written.
        """
        path = self.path(trace.project, trace.trace_id)
        content = dump(to_document(trace), indent=True)
        self._make(path.parent)
        try:
            write_whole(path, content)
        except FileNotFoundError:  # somebody cleaned up since the directory was made
            self._made.discard(path.parent)
            self._make(path.parent)
            write_whole(path, content)
        return path

    def read(self, project: str, trace_id: str) -> TraceData | None:
        """The trace in its file; None when there is no file, or none that can be read."""
        try:
            return from_document(orjson.loads(self.path(project, trace_id).read_bytes()))
        except (OSError, InvalidInput, orjson.JSONDecodeError):
            return None

    def remove(self, project: str, trace_id: str) -> None:
        """Remove the file of a trace, if there is one."""
        with suppress(OSError, InvalidInput):
            self.path(project, trace_id).unlink(missing_ok=True)

    def _make(self, directory: Path) -> None:
        if directory not in self._made:
            directory.mkdir(parents=True, exist_ok=True)
            self._made.add(directory)
