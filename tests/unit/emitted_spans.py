"""What the packages in use emit today, as spans.

The files hold what each package set, unmodified and with its defaults, on calls of a server that answers always the same:
a plain chat, a streamed one, one that asks for a tool and one that has its result, an embedding, a response.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from tracing_core.kinds import kind_of
from tracing_core.model import SpanData, SpanEvent

CONVENTIONS = ("gen_ai", "openinference", "openllmetry", "langfuse", "pydantic_ai")


def emitted(convention: str) -> tuple[SpanData, ...]:
    """The spans of one package, in the order in which they ended."""
    said = json.loads((Path(__file__).parent / "emitted" / f"{convention}.json").read_text())
    return tuple(_span(span, said["resource"]) for span in said["spans"])


def emitted_logs(convention: str) -> list[dict[str, Any]]:
    """The log records that a package sent beside its spans."""
    logs = json.loads((Path(__file__).parent / "emitted" / f"{convention}.json").read_text())["logs"]
    return list(logs)


def _span(said: dict[str, Any], resource: dict[str, Any]) -> SpanData:
    return SpanData(
        span_id=said["span_id"],
        parent_id=None,
        name=said["name"],
        kind=kind_of(said["attributes"]),
        started_at=_moment(said["start_ns"]),
        duration_ns=said["end_ns"] - said["start_ns"],
        attributes=said["attributes"],
        events=tuple(
            SpanEvent(name=event["name"], timestamp=_moment(event["at_ns"]), attributes=event["attributes"])
            for event in said.get("events", ())
        ),
        otel={"resource": resource, "start_ns": said["start_ns"], "end_ns": said["end_ns"]},
    )


def _moment(nanoseconds: int) -> datetime:
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=nanoseconds // 1000)
