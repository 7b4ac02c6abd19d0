"""Make the database again from the files of traces and ratings, which are the truth.

Files go through the path of every trace: the same rows, rollups and flags come out, and what is there already changes
nothing. So it can be stopped and begun again at any time; how far it came is noted in `{data}/rebuild.json`.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence, Set
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

import orjson

from tracing_core.clock import Clock
from tracing_core.document_reader import from_document
from tracing_core.errors import DataRejected, InvalidInput, StorageError, TraceNotFound
from tracing_core.files import TraceFiles
from tracing_core.ids import check_project
from tracing_core.ledger import Ledger
from tracing_core.model import Feedback, TraceData
from tracing_core.partition_days import partition_days
from tracing_core.places import Place, place_of
from tracing_core.preparing import Prepared
from tracing_core.quality import QualityRules
from tracing_core.run_files import ALERTS, read_alerts
from tracing_core.settings import Settings
from tracing_core.spool import UNFORESEEN
from tracing_core.storage.alerts_write import restore_alerts
from tracing_core.storage.database import Database
from tracing_core.storage.feedback_write import feedback_of, put_feedback
from tracing_core.storage.known import known
from tracing_core.storage.migrate import upgrade
from tracing_core.storage.waiting_feedback import count_all_waiting
from tracing_core.storage.write import TraceTable
from tracing_core.store import preparation_of
from tracing_core.whole_files import write_whole

logger = logging.getLogger(__name__)

REASON = "rebuilt"
"""What the ledger says of traces that came from their files."""

_AT_ONCE = 200
_BYTES_AT_ONCE = 16_000_000


@dataclass(frozen=True, kw_only=True, slots=True)
class Unreadable:
    """A file that was passed over, and why."""

    path: str
    reason: str


@dataclass(kw_only=True, slots=True)
class Tally:
    """What became of the files so far: of traces those read, those stored from them, those that were there already, and
    those that an earlier, interrupted run dealt with; ratings and alerts stored; files that could not be used.
    """

    files: int = 0
    read: int = 0
    stored: int = 0
    there: int = 0
    skipped: int = 0
    ratings: int = 0
    alerts: int = 0
    unreadable: list[Unreadable] = field(default_factory=list)

    @property
    def done(self) -> int:
        """Files of traces that were dealt with."""
        return self.stored + self.there + self.skipped + len(self.unreadable)


class Rebuild:
    """Reads the files of projects and stores what is in them.

    Args:
        settings: where the files are, and by which rules and prices their rows are made.
        database: where to.
        clock: for the days that get partitions.
        report: is told of the tally after each batch.
    """

    def __init__(
        self,
        settings: Settings,
        database: Database,
        clock: Clock,
        report: Callable[[Tally], None] = lambda _tally: None,
    ) -> None:
        self.tally = Tally()
        self._database = database
        self._report = report
        self._rules = QualityRules.of(settings)
        self._files = _FilesAsTheyAre(place_of(settings))
        self._preparation = replace(preparation_of(settings, clock), files=self._files, judging=False)
        self._table = TraceTable(
            database, self._preparation, partition_days(clock, settings.retention_days), reason=REASON
        )
        self._progress = _Progress(settings.data_dir / "rebuild.json", database.address)

    def run(self, project: str | None = None) -> Tally:
        """Store what the files of `project`, or of all projects, hold and the database does not.

        Raises:
            InvalidInput: `project` cannot be the name of one, or has no files.
            StorageError: the database did not take it, or the object store went away; the next run goes on from here.
        """
        try:
            return self._run(project)
        except (TimeoutError, ConnectionError) as error:
            raise StorageError(str(error)) from error

    def _run(self, project: str | None) -> Tally:
        projects = self._files.projects() if project is None else [check_project(project)]
        if project is not None and project not in self._files.projects():
            raise InvalidInput("project", f"{project} has no directory with files of traces")
        upgrade(self._database)
        self.tally.files = sum(len(self._files.names(name)) for name in projects)
        for name in projects:
            self._traces_of(name)
        for name in projects:
            self._ratings_of(name)
            self._alerts_of(name)
        self.tally.ratings += count_all_waiting(self._database, self._rules, self._preparation.write_ratings)
        self._progress.remove()
        return self.tally

    def _traces_of(self, project: str) -> None:
        until = self._progress.until(project)
        found = self._files.listing(project)
        for start in range(0, len(found.names), _AT_ONCE):
            portion = found.names[start : start + _AT_ONCE]
            finished = known(self._database, [name for name in portion if name <= until]) if until else frozenset()
            self.tally.skipped += len(finished)
            left = (name for name in portion if name not in finished)
            for batch in self._batches(project, left, found.in_pieces):
                self._store(batch)
            self._progress.note(project, portion[-1])
            self._report(self.tally)

    def _batches(self, project: str, names: Iterable[str], in_pieces: Set[str]) -> Iterator[list[Prepared]]:
        """Traces made ready, as many as memory should hold at once."""
        batch: list[Prepared] = []
        size = 0
        for name, content in self._files.contents(project, names):
            try:
                if isinstance(content, OSError):
                    raise content
                ready = self._ready(project, name, content, in_pieces=name in in_pieces)
            except (TimeoutError, ConnectionError):
                raise
            except (OSError, InvalidInput, *UNFORESEEN) as error:
                self._pass_over(f"{self._files.directory(project)}/{name}.json", error)
                continue
            self.tally.read += 1
            batch.append(ready)
            size += len(content)
            if size >= _BYTES_AT_ONCE:
                yield batch
                batch, size = [], 0
        if batch:
            yield batch

    def _ready(self, project: str, name: str, content: bytes, *, in_pieces: bool) -> Prepared:
        data = from_document(orjson.loads(content))
        if in_pieces:
            data = self._files.whole(project, data)
        if data.trace_id != name:
            raise InvalidInput("trace_id", f"is {data.trace_id}, and the file is called {name}")
        if data.project != project:
            raise InvalidInput("project_name", f"is {data.project}, and the file lies in project {project}")
        self._files.path(project, name)
        return self._preparation.ready(data)

    def _store(self, batch: Sequence[Prepared]) -> None:
        """Store a batch; of one that is refused each half, down to the trace that is at fault."""
        self._files.unchanged = {prepared.data.trace_id: prepared.data for prepared in batch}
        try:
            fates = self._table.write(batch, Ledger())
        except (DataRejected, *UNFORESEEN) as error:
            if len(batch) == 1:
                data = batch[0].data
                self._pass_over(self._files.path(data.project, data.trace_id), error)
                return
            self._store(batch[: len(batch) // 2])
            self._store(batch[len(batch) // 2 :])
            return
        there = sum(fate.outcome == "again" for fate in fates.values())
        self.tally.there += there
        self.tally.stored += len(batch) - there

    def _ratings_of(self, project: str) -> None:
        for trace_id in self._files.names(project, feedback=True):
            path = f"{self._files.directory(project, feedback=True)}/{trace_id}.json"
            try:
                for given in self._files.read_feedback(project, trace_id):
                    self._rate(trace_id, given)
            except (TimeoutError, ConnectionError):
                raise
            except (OSError, InvalidInput, DataRejected, TraceNotFound, *UNFORESEEN) as error:
                self._pass_over(path, error)
        self._report(self.tally)

    def _alerts_of(self, project: str) -> None:
        """What calibration saw, and which runs it flagged: the file of alerts says so, patterns are not looked for again."""
        path = self._files.place.address(project, ALERTS)
        try:
            given = [asdict(alert) | {"created_at": at} for alert, at in read_alerts(self._files, project)]
            self.tally.alerts += restore_alerts(self._database, given)
        except (TimeoutError, ConnectionError):
            raise
        except (OSError, InvalidInput, DataRejected, *UNFORESEEN) as error:
            self._pass_over(path, error)

    def _rate(self, trace_id: str, given: Feedback) -> None:
        if given.trace_id != trace_id:
            raise InvalidInput("trace_id", f"is {given.trace_id}, and the file is called {trace_id}")
        stored = {said.user_id: said.updated_at for said in feedback_of(self._database, trace_id)}
        if given.user_id not in stored or stored[given.user_id] < given.updated_at:
            put_feedback(self._database, given, self._rules)
            self.tally.ratings += 1

    def _pass_over(self, path: str, error: Exception) -> None:
        logger.warning("%s was passed over: %s", path, error)
        reason = str(error) if isinstance(error, InvalidInput | DataRejected | TraceNotFound | OSError) else repr(error)
        self.tally.unreadable.append(Unreadable(path=path, reason=reason))


class _FilesAsTheyAre(TraceFiles):
    """Does not write again what was read a moment ago: a process that records may have written more meanwhile."""

    def __init__(self, place: Place) -> None:
        super().__init__(place)
        self.unchanged: dict[str, TraceData] = {}

    def read(self, project: str, trace_id: str) -> TraceData | None:
        return self.unchanged.get(trace_id) or super().read(project, trace_id)

    def write(self, trace: TraceData, encoded: Sequence[bytes] = (), *, alone: bool = False) -> str:
        if self.unchanged.get(trace.trace_id) == trace:
            return self.path(trace.project, trace.trace_id)
        return super().write(trace, encoded, alone=alone)


class _Progress:
    """Up to which file a run came in each project. A hint: what is not in the database is read all the same."""

    def __init__(self, path: Path, database: str) -> None:
        self._path = path
        self._database = database
        self._until: dict[str, str] = {}
        with suppress(OSError, ValueError, AttributeError):
            noted = orjson.loads(path.read_bytes())
            if noted.get("database") == database:
                self._until = {str(project): str(name) for project, name in noted["until"].items()}
        self._before = dict(self._until)

    def until(self, project: str) -> str:
        """The last file that an earlier run dealt with."""
        return self._before.get(project, "")

    def note(self, project: str, name: str) -> None:
        """All up to `name` is dealt with."""
        self._until[project] = max(name, self._until.get(project, ""))
        try:
            write_whole(self._path, orjson.dumps({"database": self._database, "until": self._until}))
        except OSError as error:  # the next run then reads more than it must
            logger.warning("how far the rebuild came cannot be noted: %s", error)

    def remove(self) -> None:
        """All is done."""
        with suppress(OSError):
            self._path.unlink(missing_ok=True)
