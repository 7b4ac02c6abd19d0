"""What has to be done around the clock for what is stored: partitions made ahead, pieces judged, old traces removed."""

from __future__ import annotations

import logging
import threading
from dataclasses import replace
from datetime import UTC, date, timedelta

from tracing_core.clock import Clock
from tracing_core.errors import Busy, StorageError
from tracing_core.files import TraceFiles, files_of
from tracing_core.files_size import files_size
from tracing_core.partition_days import days_ahead
from tracing_core.query.growth import DATABASE, FILES
from tracing_core.query.system import storage
from tracing_core.retention import retain
from tracing_core.sampling import keep_all, sampler_of
from tracing_core.storage.retention import File, make_partitions
from tracing_core.storage.sizes_write import keep_sizes
from tracing_core.storage.sweeping import sweep
from tracing_core.storage.upkeep_lock import alone
from tracing_core.store import Store

logger = logging.getLogger(__name__)

_SECONDS_BETWEEN_RUNS = 3600.0
_SECONDS_BEFORE_THE_FIRST = 30.0
_ROOT_COMES_WITHIN = timedelta(hours=1)


def look_after(store: Store, clock: Clock) -> None:
    """Make the partitions of today and the next days, let go of ratings that wait in vain, and judge the pieces whose root has
    not come. Meant for each hour.

    Raises:
        Busy: another process does it.
        StorageError: the database did not do all of it.
    """
    make_partitions(store.database, days_ahead(clock.now().astimezone(UTC).date()))
    store.feedback.look_after_waiting()
    if (sampler := sampler_of(store.settings)) is keep_all:
        return
    with alone(store.database):
        swept = sweep(store.database, sampler, clock.now() - _ROOT_COMES_WITHIN)
    files = files_of(store.settings)
    for _ in files.each(lambda each: files.remove(each.project, each.trace_id), swept.removed):
        pass
    for _ in files.each(lambda weighed: _weigh(files, *weighed), swept.weighed):
        pass


def _weigh(files: TraceFiles, each: File, probability: float) -> None:
    """Let the file of a trace say the same as its row, so that a rebuild counts it alike."""
    try:
        data = files.read(each.project, each.trace_id)
        if data is not None:
            files.write(replace(data, sampling_probability=probability))
    except OSError as error:
        logger.error("the file of trace %s could not be written: %s", each.trace_id, error)


def measure(store: Store, day: date) -> None:
    """Keep how large the database and the files are on a day (UTC). Files that do not tell are left out.

    Raises:
        StorageError: nothing was kept.
    """
    files = files_size(files_of(store.settings).place)
    sizes = {DATABASE: storage(store.database).bytes} | ({} if files.problem else {FILES: files.bytes})
    keep_sizes(store.database, day, sizes)


class Upkeep:
    """Looks after a store from a thread of its own: each hour, and once a day for what is to be removed.

    Args:
        store: which; closed by the caller, after this.
        clock: says what day it is.
    """

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._retained: date | None = None
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="tracewhy-upkeep", daemon=True)

    def start(self) -> None:
        """Begin; the first run is half a minute away, so as not to slow a start."""
        self._thread.start()

    def stop(self, timeout: float = 10.0) -> None:
        """End, when the run that goes on is done; at most after `timeout` seconds."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(timeout)

    def run_once(self) -> None:
        """Do what is due now. What the database does not let happen is for the next run."""
        today = self._clock.now().astimezone(UTC).date()
        try:
            look_after(self._store, self._clock)
            if self._retained != today:
                measure(self._store, today)
                freed = retain(self._store, self._clock)
                self._retained = today
                if freed.traces or freed.partitions or freed.minutes:
                    logger.info("removed %d traces whose time was up, %d bytes", freed.traces, freed.bytes)
                for line in freed.left:
                    logger.warning("not removed: %s", line)
        except Busy:
            logger.debug("another process looks after the database")
        except StorageError as error:
            logger.warning("the database could not be looked after, the next run tries again: %s", error)

    def _run(self) -> None:
        pause = _SECONDS_BEFORE_THE_FIRST
        while not self._stop.wait(pause):
            self.run_once()
            pause = _SECONDS_BETWEEN_RUNS
