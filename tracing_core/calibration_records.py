"""What a person confirms of a run, for calibration (seed B, section 7.2): the record is filled in from the trace, edited by
hand, and kept with who confirmed it and when.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import Any

from tracing_core.calibration_fields import EDITABLE, checked
from tracing_core.clock import Clock
from tracing_core.errors import InvalidInput, TraceNotFound
from tracing_core.ids import IdSource
from tracing_core.jsontext import dump, storable
from tracing_core.model import CalibrationRecord
from tracing_core.query.calibration_records import list_records
from tracing_core.query.feedback import for_trace
from tracing_core.query.trace import TraceDetail, decisions, get_trace
from tracing_core.storage.calibration_write import put_record
from tracing_core.storage.database import Database

Document = dict[str, Any]

LONGEST_NOTES = 10_000
LONGEST_NAME = 200


def pull(db: Database, trace_id: str) -> Document:
    """The record of a run, filled in from what is stored of it.

    It has trace_id, project, query, status and started_at; intent, domain and report_type; principle_scores, gap_principles,
    strength_principles, overall_quality_score and quality_gate_passed; `evidence` (collected, passed, filtered, retrieved, used,
    sources); `decisions` (stage, decision, what, confidence); `ratings` (user_id, rating, comment); iteration_count,
    quality_gate_failures, synthesis_model, cost_usd (dollars) and duration_seconds.

    Raises:
        TraceNotFound: no such trace is stored.
        StorageError: the database did not answer.
    """
    row = get_trace(db, trace_id)
    if row is None:
        raise TraceNotFound(f"there is no trace {trace_id}")
    made = decisions(db, trace_id)
    ratings = for_trace(db, trace_id)
    document = _of_row(row) | {
        "decisions": [
            {name: getattr(each, name) for name in ("stage", "decision", "what", "confidence")} for each in made
        ],
        "ratings": [{name: getattr(each, name) for name in ("user_id", "rating", "comment")} for each in ratings],
    }
    plain: Document = json.loads(dump(document))
    return plain


def _of_row(row: TraceDetail) -> Document:
    copied = (
        "trace_id", "project", "query", "status", "started_at", "intent", "domain", "report_type", "principle_scores",
        "gap_principles", "strength_principles", "overall_quality_score", "quality_gate_passed",
    )  # fmt: skip
    counts = ("collected", "passed", "filtered", "retrieved", "used", "sources")
    measured = ("iteration_count", "quality_gate_failures", "synthesis_model")
    cost = row.synthesis_cost_usd if row.synthesis_cost_usd is not None else row.cost_usd
    return {
        **{name: getattr(row, name) for name in copied},
        "principle_scores": row.principle_scores or {},
        "gap_principles": row.gap_principles or (),
        "strength_principles": row.strength_principles or (),
        "evidence": {name: getattr(row, f"evidence_{name}") for name in counts},
        **{name: getattr(row, name) for name in measured},
        "cost_usd": None if cost is None else float(cost),
        "duration_seconds": None if row.duration_ms is None else row.duration_ms / 1000,
    }


def edited(prefilled: Document, changes: Mapping[str, Any]) -> Document:
    """The record as a person has it: `prefilled` with what is in `changes` in its place.

    Args:
        prefilled: what `pull` gave.
        changes: a whole record or some of its fields. What was measured has to be as it was.

    Raises:
        InvalidInput: a value cannot be used, or it is measured; names the field and says what can be done.
    """
    found = dict(prefilled)
    for name, value in changes.items():
        if name not in prefilled:
            raise InvalidInput(name, f"is no field of a record; there can be {', '.join(EDITABLE)}")
        if json.loads(dump(value)) == prefilled[name]:
            continue  # what the run itself said is not measured against what a person may say
        if name in EDITABLE:
            found[name] = checked(name, value)
        else:
            raise InvalidInput(name, "was measured and stays as it is; say in the notes what is wrong with it")
    return found


def differences(prefilled: Mapping[str, Any], document: Mapping[str, Any]) -> list[str]:
    """The names of the fields that a person changed."""
    return [name for name in document if document[name] != prefilled.get(name)]


def save(
    db: Database,
    prefilled: Document,
    changes: Mapping[str, Any],
    *,
    notes: str,
    confirmed_by: str,
    clock: Clock,
    ids: IdSource,
) -> CalibrationRecord:
    """Keep a record that a person confirmed. One of the same run that was confirmed before stays, too.

    Args:
        db: where to.
        prefilled: what `pull` gave, which the person saw.
        changes: as for `edited`; empty when all of it is right.
        notes: what else the person knows, at most 10,000 characters.
        confirmed_by: who.
        clock: for when.
        ids: for the record's id.

    Raises:
        InvalidInput: a value cannot be used; names the field and says what can.
        StorageError: it was not kept.
    """
    record = CalibrationRecord(
        record_id=f"cal_{ids.span_id()}",
        trace_id=prefilled["trace_id"],
        project=prefilled["project"],
        document=edited(prefilled, changes),
        prefilled=prefilled,
        notes=_text("notes", notes, LONGEST_NOTES),
        confirmed_by=_name(confirmed_by),
        confirmed_at=clock.now(),
    )
    put_record(db, record)
    return record


def export_records(db: Database, *, project: str | None = None) -> Iterator[str]:
    """All records, or those of a project, as lines of JSON, each with its line end, in the order in which they were confirmed.

    A line has the fields of `CalibrationRecord`, and in `changed` the names of the fields that a person changed.

    Raises:
        StorageError: the database did not answer.
    """
    for record in list_records(db, project=project):
        changed = differences(record.prefilled, record.document)
        yield dump(asdict(record) | {"changed": changed}).decode() + "\n"


def _name(given: object) -> str:
    name = _text("confirmed_by", given, LONGEST_NAME).strip()
    if not name:
        raise InvalidInput("confirmed_by", "is empty; say who confirms this")
    return name


def _text(field: str, given: object, longest: int) -> str:
    if not isinstance(given, str):
        raise InvalidInput(field, f"is a {type(given).__name__}; give a text")
    if len(given) > longest:
        raise InvalidInput(field, f"has {len(given)} characters; at most {longest} are kept")
    return storable(given)
