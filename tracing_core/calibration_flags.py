"""Patterns in the quality of runs that call for calibration (seed B, section 7.1): seen, told, never in the way.

An alert is given once a day for each project, kind and subject, by whichever process enters it first: it is printed, its
run is flagged for review, and a line is added to `{project}/_calibration_alerts.md`.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, timedelta
from math import hypot
from typing import Literal

from tracing_core.answer import Answer
from tracing_core.archive import archive
from tracing_core.clock import Clock, SystemClock
from tracing_core.errors import InvalidInput, StorageError
from tracing_core.files import TraceFiles
from tracing_core.model import TraceStatus
from tracing_core.query.calibration import (
    JudgedRun,
    average_scores,
    count_gaps,
    decision_types,
    gate_pairs,
    judged_run,
    passed_before,
)
from tracing_core.run_files import Alert, append_alerts
from tracing_core.settings import Settings, read_settings
from tracing_core.storage.alerts_write import alone_with, enter_alerts
from tracing_core.storage.database import Database
from tracing_core.summary import plain
from tracing_core.trace import Trace

logger = logging.getLogger(__name__)

PRINCIPLE, INTENT, DOMAIN = "repeated_principle_failure", "intent_quality_disparity", "domain_quality_disparity"
REGRESSION, DRIFT = "quality_gate_regression", "confidence_drift"

_DISPARITIES = {
    "intent": (INTENT, "{} intent runs average {:.1f} quality vs {:.1f} overall"),
    "domain": (DOMAIN, "{} domain runs average {:.1f} vs {:.1f} overall"),
}
_BEFORE = timedelta(weeks=4)
_LONGEST_RUN = timedelta(days=1)
"""What began up to this much later may have ended earlier."""
_STANDARD_ERRORS, _IN_A_REACH = 3.0, 1.96
"""How far beyond chance a drift has to be, as many types are looked at each day; a 95 % interval reaches 1.96."""
_MOST_GAPS = 50
_MOST_REMEMBERED = 10_000
_CHECKED_AGAIN_AFTER = 20
"""A type of decision is looked at again when there is a share of one in so many that is new."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Thresholds:
    """From where on a pattern is one; the settings `TRACEWHY_CALIBRATION_…` say what each means."""

    scope: Literal["all", "project"] = "all"
    failures: int = 3
    days: int = 7
    disparity: float = 0.5
    runs: int = 3
    drift: float = 0.1
    decisions: int = 30

    @classmethod
    def of(cls, settings: Settings) -> Thresholds:
        """The thresholds that the settings name."""
        return cls(**{name: getattr(settings, f"calibration_{name}") for name in cls.__dataclass_fields__})


class CalibrationFlags:
    """Looks for patterns when a run is stored, and gives the alerts.

    Args:
        database: where the runs are.
        thresholds: from where on a pattern is one.
        files: where alerts are appended; None for nowhere.
        clock: for the times of these lines.
    """

    def __init__(self, database: Database, thresholds: Thresholds, files: TraceFiles | None, clock: Clock) -> None:
        self._database = database
        self._thresholds = thresholds
        self._files = files
        self._clock = clock
        self._until_drift: dict[tuple[str, str], int] = {}

    def run(self, trace_id: str) -> JudgedRun | None:
        """What the run says of itself; None when it is not there.

        Raises:
            StorageError: the database did not answer.
        """
        return judged_run(self._database, trace_id)

    def check(self, run: JudgedRun) -> tuple[Alert, ...]:
        """The patterns that a run shows.

        Raises:
            StorageError: the database did not answer.
        """
        if not run.is_judged:
            return ()
        seen = (*self._gaps(run), *self._disparities(run), *self._regression(run), *self._drifts(run))
        return tuple(_alert(run, *each) for each in seen)

    def act(self, run: JudgedRun, alerts: tuple[Alert, ...]) -> tuple[Alert, ...]:
        """Give those alerts that were not given today: print them, flag the run, append them to the project's file.

        Returns:
            Those that were given now. A file that cannot be written is logged; the alert is in the database then.

        Raises:
            StorageError: the database did not take them; none was given.
        """
        if not alerts:
            return ()
        entered = enter_alerts(self._database, [asdict(alert) for alert in alerts])
        new = tuple(alert for alert in alerts if (alert.kind, alert.subject) in entered)
        for alert in new:
            logger.warning("[CALIBRATION] %s", alert.message)
        if new and self._files is not None:
            try:
                with alone_with(self._database, run.project):
                    append_alerts(self._files, run.project, new, self._clock.now())
            except (StorageError, OSError, InvalidInput) as error:
                logger.error("alerts of project %s could not be appended to its file: %s", run.project, error)
        return new

    def _project(self, run: JudgedRun) -> str | None:
        return run.project if self._thresholds.scope == "project" else None

    def _gaps(self, run: JudgedRun) -> Iterator[tuple[str, str, str]]:
        days = self._thresholds.days
        since, until = run.started_at - timedelta(days=days), run.started_at + _LONGEST_RUN
        for gap in run.gap_principles[:_MOST_GAPS]:
            count = count_gaps(self._database, gap, since, until, self._project(run))
            if count >= self._thresholds.failures:
                yield PRINCIPLE, gap, (
                    f"Principle {gap} has scored below threshold {count} times in the last {days} days. "
                    "Consider reviewing calibration."
                )  # fmt: skip

    def _disparities(self, run: JudgedRun) -> Iterator[tuple[str, str, str]]:
        if run.overall_quality_score is None or run.status is not TraceStatus.COMPLETE:
            return
        given: tuple[tuple[Literal["intent", "domain"], str | None], ...]
        given = (("intent", run.intent), ("domain", run.domain))
        averages = average_scores(self._database, {by: value for by, value in given if value}, self._project(run))
        for by, value in given:
            found = averages.get(by)
            if found is None or found.count < self._thresholds.runs:
                continue
            if round(found.overall - found.own, 9) > self._thresholds.disparity:
                kind, message = _DISPARITIES[by]
                yield kind, value or "", message.format(value, found.own, found.overall)

    def _regression(self, run: JudgedRun) -> Iterator[tuple[str, str, str]]:
        if run.quality_gate_passed is False and passed_before(self._database, run):
            yield REGRESSION, run.project, f"Quality regression detected for project {run.project}"

    def _drifts(self, run: JudgedRun) -> Iterator[tuple[str, str, str]]:
        if run.quality_gate_passed is None:
            return
        for decision in decision_types(self._database, run.trace_id):
            key = (run.project, decision)
            left = self._until_drift.get(key, 0)
            if left > 0:
                self._until_drift[key] = left - 1
            elif (message := self._drift(run, decision)) is not None:
                yield DRIFT, decision, message

    def _drift(self, run: JudgedRun, decision: str) -> str | None:
        days = timedelta(days=self._thresholds.days)
        split, until = run.started_at - days, run.started_at + _LONGEST_RUN
        recent = gate_pairs(self._database, run.project, decision, split, until)
        before = gate_pairs(self._database, run.project, decision, split - _BEFORE, split)
        if len(self._until_drift) >= _MOST_REMEMBERED:
            self._until_drift.clear()
        self._until_drift[run.project, decision] = len(recent) // _CHECKED_AGAIN_AFTER
        if min(len(recent), len(before)) < self._thresholds.decisions:
            return None
        return drift(recent, before, decision, self._thresholds)


def drift(
    recent: list[tuple[float, bool, float]],
    before: list[tuple[float, bool, float]],
    decision: str,
    thresholds: Thresholds,
) -> str | None:
    """What is to be said when confidence foretells the outcome worse than it did, by more than chance explains.

    Args:
        recent, before: confidence, outcome and weight of each decision, of two times.
        decision: their type.
        thresholds: how much worse it may be.
    """
    from tracing_core.confidence import Pairs, calibration  # brings numpy, which a program may do without

    pairs = Pairs.of(recent)
    now, then = calibration(pairs, resamples=0), calibration(Pairs.of(before), resamples=0)
    if now is None or then is None or now.expected_error - then.expected_error <= thresholds.drift:
        return None
    reach = hypot(*(found.interval.high - found.interval.low for found in (now, then))) / 2
    if now.expected_error - then.expected_error <= _STANDARD_ERRORS / _IN_A_REACH * reach:
        return None
    # Few decisions in many bins are off by chance alone, which the interval by resampling takes away again.
    corrected = calibration(pairs)
    found = None if corrected is None else corrected.expected_error_interval
    if found is None or found.low <= then.expected_error:
        return None
    return (
        f"Confidence of {decision} decisions no longer predicts how runs turn out: calibration error "
        f"{now.expected_error:.2f} in the last {thresholds.days} days vs {then.expected_error:.2f} in the weeks before"
    )


def check_calibration_flags(trace: Trace | str) -> Answer[list[str]]:
    """Whether a stored run shows patterns that call for calibration, in words (seed B, section 7.1). No alert is given.

    Args:
        trace: the run, or its id.

    Returns:
        To `await`, or to ask for its `result()`, which raises StorageError when the database does not answer.
    """

    def ask() -> list[str]:
        where, settings = archive(), read_settings()
        flags = CalibrationFlags(where.database, Thresholds.of(settings), None, SystemClock())
        run = flags.run(trace if isinstance(trace, str) else trace.trace_id)
        return [] if run is None else [alert.message for alert in flags.check(run)]

    return Answer(ask)


def _alert(run: JudgedRun, kind: str, subject: str, message: str) -> Alert:
    day = run.started_at.astimezone(UTC).date()
    return Alert(
        day=day, project=run.project, kind=kind, subject=subject, message=plain(message), trace_id=run.trace_id
    )
