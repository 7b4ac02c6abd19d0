"""Alert rules as JSON documents: in the database, in files, from other programs."""

from __future__ import annotations

from dataclasses import fields
from datetime import datetime
from typing import Any

from tracing_core.alerts.rule import AlertRule
from tracing_core.errors import InvalidInput
from tracing_core.quiet_time import QuietTime


def rule_of(document: object) -> AlertRule:
    """The rule that a JSON document describes.

    Raises:
        InvalidInput: it does not describe one; names the field and the fix.
    """
    if not isinstance(document, dict):
        raise InvalidInput("rule", "is no JSON object; give one with name, measure and threshold")
    known = {field.name for field in fields(AlertRule)}
    if unknown := sorted(map(str, set(document) - known)):
        raise InvalidInput(unknown[0], f"is no field of an alert rule; there are {', '.join(sorted(known))}")
    for needed in ("name", "measure"):
        if needed not in document:
            raise InvalidInput(needed, "is missing; every alert rule has one")
    given = dict(document)
    given["quiet_times"] = tuple(map(_quiet_time, _listed("quiet_times", given.get("quiet_times"))))
    given["destinations"] = tuple(_listed("destinations", given.get("destinations")))
    given["silenced_until"] = _moment(given.get("silenced_until"))
    return AlertRule(**given)


def _quiet_time(document: object) -> QuietTime:
    names = {field.name for field in fields(QuietTime)}
    if not isinstance(document, dict) or set(document) - names or not {"days", "start", "end"} <= set(document):
        raise InvalidInput(
            "quiet_times", 'has an entry of another form; write {"days": ["sat"], "start": "22:00", "end": "06:00"}'
        )
    return QuietTime(**(document | {"days": tuple(_listed("quiet_times", document["days"]))}))


def _moment(given: object) -> datetime | None:
    if given is None or isinstance(given, datetime):
        return given
    try:
        return datetime.fromisoformat(given) if isinstance(given, str) else _refuse()
    except ValueError as error:
        raise InvalidInput("silenced_until", "is no time; write it as 2026-01-31T12:00:00Z") from error


def _refuse() -> datetime:
    raise ValueError


def _listed(name: str, given: object) -> list[Any]:
    if given is None:
        return []
    if not isinstance(given, list | tuple):
        raise InvalidInput(name, "is no list; write it in [ ]")
    return list(given)
