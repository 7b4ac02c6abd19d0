"""One JSON file a trace: `{project}/_traces/{trace_id}.json` below one place, written whole or not at all."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import count
from pathlib import Path
from typing import Any, TypeVar

import orjson

from tracing_core.assembly import assemble
from tracing_core.contents import encode
from tracing_core.document import to_document
from tracing_core.document_reader import from_document
from tracing_core.errors import InvalidInput
from tracing_core.given import as_spans
from tracing_core.ids import check_project, check_trace_id, is_project
from tracing_core.jsontext import dump
from tracing_core.local_disk import LocalDisk
from tracing_core.model import Feedback, TraceData
from tracing_core.places import Place, place_of
from tracing_core.settings import Settings

logger = logging.getLogger(__name__)

T = TypeVar("T")
R = TypeVar("R")

SUMMARY = "_summary.md"
_TRACES, _FEEDBACK = "_traces", "_feedback"


@dataclass(frozen=True, kw_only=True, slots=True)
class Listing:
    """The ids of traces that have a file, in order, and of those beside whose file pieces lie."""

    names: list[str]
    in_pieces: frozenset[str]


class TraceFiles:
    """The files of all traces in one place.

    Args:
        place: holds one folder per project; a path is one on this machine.
    """

    def __init__(self, place: Place | Path) -> None:
        self.place: Place = LocalDisk(place) if isinstance(place, Path) else place
        self._folders: dict[str, str] = {}

    def path(self, project: str, trace_id: str) -> str:
        """Where the file of a trace is, as a path or a URL.

        Raises:
            InvalidInput: project or id cannot name a file; what passes stays below the place.
        """
        return self.place.address(*self._where(project, trace_id))

    def directory(self, project: str, *, feedback: bool = False) -> str:
        """Where the traces of a project are, or their ratings, as a path or a URL.

        Raises:
            InvalidInput: the project cannot name a directory.
        """
        return self.place.address(_folder(project, feedback=feedback))

    def write(self, trace: TraceData, encoded: Sequence[bytes] = (), *, alone: bool = False) -> str:
        """Write the file of `trace`; readers see the old one or the new one, never half of it.

        Args:
            trace: all of it.
            encoded: the JSON of each of its spans, where that is there already.
            alone: whether nothing can lie beside it, so that it need not be looked for.

        Returns:
            Where it is.

        Raises:
            InvalidInput: project or id cannot name a file.
            OSError: the disk is full, the directory cannot be written, or the object store is away.
        """
        folder, name = self._where(trace.project, trace.trace_id)
        self.place.write(folder, name, dump(to_document(trace, encoded or encode(trace.spans)), indent=True))
        if not alone:
            self._remove_beside(folder, name)
        return self.place.address(folder, name)

    def write_beside(self, project: str, piece: TraceData) -> str:
        """Write a piece of a large trace beside its file, as `{trace_id}.json.1` and so on, until `write` writes all of it.

        Raises:
            InvalidInput, OSError: as `write`.
        """
        folder, name = self._where(project, piece.trace_id)
        number = self._count_beside(folder, name) + 1
        self.place.write(folder, f"{name}.{number}", dump(to_document(piece, encode(piece.spans)), indent=True))
        return self.place.address(folder, name)

    def read(self, project: str, trace_id: str) -> TraceData | None:
        """The trace in its file and beside it; None when there is no file, or none of a trace.

        Raises:
            OSError: there may be one, and the place does not give it.
        """
        try:
            content = self.place.read(*self._where(project, trace_id))
            return self.whole(project, from_document(orjson.loads(content)))
        except (FileNotFoundError, InvalidInput, orjson.JSONDecodeError):
            return None

    def whole(self, project: str, trace: TraceData) -> TraceData:
        """The trace in a file, with the pieces beside that.

        Raises:
            InvalidInput: project or id cannot name a file, or a piece cannot be read.
            OSError: the place does not give a piece.
        """
        folder, name = self._where(project, trace.trace_id)
        pieces: list[TraceData] = []
        with suppress(FileNotFoundError):
            while True:
                content = self.place.read(folder, f"{name}.{len(pieces) + 1}")
                pieces.append(from_document(orjson.loads(content)))
        if not pieces:
            return trace
        found = assemble(trace.trace_id, [span for part in (trace, *pieces) for span in as_spans(part)], trace.project)
        return replace(found, sampling_probability=trace.sampling_probability, is_slow=trace.is_slow)

    def document(self, project: str, trace_id: str) -> Any:
        """What the file of a trace says, whatever that is; with what is beside it, if anything is.

        Raises:
            InvalidInput: project or id cannot name a file.
            OSError: there is no file, or the place does not give it.
            ValueError, RecursionError: it is no JSON.
        """
        folder, name = self._where(project, trace_id)
        said = json.loads(self.place.read(folder, name))
        if not self._count_beside(folder, name):
            return said
        return json.loads(dump(to_document(self.whole(project, from_document(said)))))

    def contents(self, project: str, names: Iterable[str]) -> Iterator[tuple[str, bytes | OSError]]:
        """What the files of traces hold that `names` listed, in order, or why one cannot be read.

        Raises:
            TimeoutError, ConnectionError: the place does not answer.
        """
        folder = _folder(project)

        def content(name: str) -> tuple[str, bytes | OSError]:
            try:
                return name, self.place.read(folder, f"{name}.json")
            except (TimeoutError, ConnectionError):
                raise
            except OSError as error:
                return name, error

        return self.place.each(content, names)

    def size(self, project: str, trace_id: str) -> int:
        """The bytes of the file of a trace.

        Raises:
            InvalidInput: project or id cannot name a file.
            OSError: there is none, or the place does not say.
        """
        return self.place.size(*self._where(project, trace_id))

    def names(self, project: str, *, feedback: bool = False) -> list[str]:
        """The ids of all traces of a project that have a file, or of those whose ratings have one, in order; as `listing`."""
        return self.listing(project, feedback=feedback).names

    def listing(self, project: str, *, feedback: bool = False) -> Listing:
        """What `names` has, and which of these are in pieces.

        Raises:
            OSError: the place does not say.
        """
        names, in_pieces = [], []
        for name, _ in self.place.listed(_folder(project, feedback=feedback)):
            if name.endswith(".json") and name[0] != ".":
                names.append(name.removesuffix(".json"))
            elif name.endswith(".json.1"):
                in_pieces.append(name.removesuffix(".json.1"))
        return Listing(names=sorted(names), in_pieces=frozenset(in_pieces))

    def projects(self) -> list[str]:
        """The projects that have a directory, in order.

        Raises:
            OSError: the place does not say.
        """
        return sorted(filter(is_project, self.place.projects()))

    def read_feedback(self, project: str, trace_id: str) -> list[Feedback]:
        """The ratings in their file.

        Raises:
            InvalidInput: what is there cannot be read; says why.
            OSError: there is no such file, or the place does not give it.
        """
        content = self.place.read(_folder(project, feedback=True), self._where(project, trace_id)[1])
        try:
            return [_feedback(given) for given in orjson.loads(content)["feedback"]]
        except (orjson.JSONDecodeError, KeyError, TypeError, ValueError) as error:
            raise InvalidInput("feedback", f"cannot be read ({type(error).__name__}: {error})") from error

    def write_feedback(self, project: str, trace_id: str, ratings: Sequence[Feedback]) -> None:
        """Write all ratings of a trace.

        Raises:
            InvalidInput: project or id cannot name a file.
            OSError: the disk is full, the directory cannot be written, or the object store is away.
        """
        name = self._where(project, trace_id)[1]
        self.place.write(_folder(project, feedback=True), name, dump({"feedback": ratings}, indent=True), durable=True)

    def remove(self, project: str, trace_id: str) -> None:
        """Remove the file of a trace, that of its ratings and its summary, if there are any."""
        try:
            folder, name = self._where(project, trace_id)
            self._remove_beside(folder, name)
            for where in ((folder, name), (_folder(project, feedback=True), name), (folder, f"{trace_id}{SUMMARY}")):
                self.place.remove(*where)
        except (OSError, InvalidInput) as error:
            logger.error("the file of trace %s of project %s may still be there: %s", trace_id, project, error)

    def move(self, trace_id: str, before: str, now: str) -> None:
        """After the file of a trace was written into project `now`: nothing of it stays in project `before`."""
        try:
            folder, name = self._where(before, trace_id)
            self._remove_beside(folder, name)
            self.place.remove(folder, name)
            ratings = (_folder(before, feedback=True), name, _folder(now, feedback=True))
            for beside in (ratings, (folder, f"{trace_id}{SUMMARY}", _folder(now))):
                with suppress(FileNotFoundError):
                    self.place.move(*beside)
        except (OSError, InvalidInput) as error:
            logger.error("files of trace %s may still be in project %s: %s", trace_id, before, error)

    def remove_project(self, project: str) -> None:
        """Remove all files of a project.

        Raises:
            InvalidInput: `project` cannot be the name of one.
            OSError: some files could not be removed.
        """
        self.place.remove_project(check_project(project))

    def each(self, do: Callable[[T], R], items: Iterable[T]) -> Iterator[R]:
        """What `do` gives for each of `items`, in order; several at once where files are far away."""
        return self.place.each(do, items)

    def _where(self, project: str, trace_id: str) -> tuple[str, str]:
        folder = self._folders.get(project)
        if folder is None:
            folder = self._folders[project] = _folder(project)
        return folder, f"{check_trace_id(trace_id)}.json"

    def _count_beside(self, folder: str, name: str) -> int:
        """How many pieces lie beside a file. They are counted off, since a directory may hold a million names."""
        for number in count(1):
            try:
                self.place.size(folder, f"{name}.{number}")
            except FileNotFoundError:
                return number - 1
        raise AssertionError  # `count` does not end

    def _remove_beside(self, folder: str, name: str) -> None:
        """Remove the pieces beside a file, the last first, so that those left by a kill in between are still counted off."""
        for number in range(self._count_beside(folder, name), 0, -1):
            self.place.remove(folder, f"{name}.{number}")


def files_of(settings: Settings) -> TraceFiles:
    """The files of traces where the settings say that they are.

    Raises:
        SettingsError: TRACEWHY_FILES_URL leads nowhere.
    """
    return TraceFiles(place_of(settings))


def _folder(project: str, *, feedback: bool = False) -> str:
    return f"{check_project(project)}/{_FEEDBACK if feedback else _TRACES}"


def _feedback(given: Mapping[str, Any]) -> Feedback:
    moments = {name: datetime.fromisoformat(given[name]) for name in ("created_at", "updated_at")}
    return Feedback(**{**given, **moments})
