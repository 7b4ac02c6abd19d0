"""Whether the receivers listen and take spans; and a trace sent through one and read back."""

from __future__ import annotations

import http.client
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from tracing_core.clock import Clock
from tracing_core.doctor_checks import FAIL, OK, WARN, Check
from tracing_core.errors import StorageError
from tracing_core.grpc_probe import problem_of_receiver
from tracing_core.ids import IdSource
from tracing_core.query.trace import get_trace, spans
from tracing_core.settings import Settings
from tracing_core.storage.database import Database

SECONDS = 5.0
PROJECT = "tracewhy-doctor"
"""Of the traces that are sent to try it; `remove-project tracewhy-doctor --yes` takes them away."""
_START = "start the service: python3 dev.py run, or .venv/bin/python -m service"
_OURS = b'"service":"tracewhy"'
_PATH = "/v1/traces"


@dataclass(frozen=True, kw_only=True, slots=True)
class _Answer:
    status: int
    body: bytes


def of_receivers(settings: Settings) -> Iterator[Check]:
    """A request without spans to each port that the settings name."""
    for setting, port in (("service_port", settings.service_port), ("otlp_port", settings.otlp_port)):
        if port:
            yield _of_http(settings.host, port, f"TRACEWHY_{setting.upper()}")
    if settings.grpc_port:
        problem = problem_of_receiver(settings.host, settings.grpc_port, SECONDS)
        where = f"gRPC on {settings.host}:{settings.grpc_port}"
        if problem is None:
            yield Check(about="receiver", state=OK, said=f"{where} takes spans")
        else:
            fix = _START if "nothing listens" in problem else "free the port, or set TRACEWHY_GRPC_PORT to another"
            yield Check(about="receiver", state=FAIL, said=f"{where}: {problem}", fix=fix)


def send_and_read_back(settings: Settings, database: Database, clock: Clock, ids: IdSource) -> Check:
    """Send a trace of two spans by OTLP, and look for it in the database.

    Args:
        settings: which name the port.
        database: where the service stores, too.
        clock, ids: for the trace.
    """
    trace_id = f"{ids.draw(128):032x}"
    start = clock.monotonic_ns()
    port = settings.otlp_port or settings.service_port
    headers = {"content-type": "application/json", "x-tracewhy-project": PROJECT}
    answer = _ask(settings.host, port, "POST", _PATH, orjson.dumps(_request(trace_id, clock, ids)), headers)
    if isinstance(answer, str):
        return Check(about="test trace", state=FAIL, said=f"could not be sent: {answer}", fix=_START)
    if answer.status != 200:
        said = f"was refused with {answer.status}: {answer.body[:300].decode(errors='replace')}"
        return Check(about="test trace", state=FAIL, said=said, fix="the reason says what is wrong")
    taken_ms = (clock.monotonic_ns() - start) / 1e6
    return _read_back(settings, database, trace_id, taken_ms)


def _read_back(settings: Settings, database: Database, trace_id: str, taken_ms: float) -> Check:
    tick = threading.Event()
    try:
        for _ in range(int(SECONDS / 0.25)):
            if get_trace(database, trace_id) is not None and len(spans(database, trace_id)) == 2:
                said = f"{trace_id} was stored in {taken_ms:.0f} ms and read back whole"
                return Check(about="test trace", state=OK, said=said)
            tick.wait(0.25)
    except StorageError as error:
        return Check(about="test trace", state=FAIL, said=f"cannot be read back: {error}")
    said = f"{trace_id} was taken, and is not in this database"
    if settings.mode == "product":
        return Check(about="test trace", state=WARN, said=f"{said}; sampling may have left it out", fix="try it again")
    fix = "see that the service and this command have the same DATABASE_URL or TRACEWHY_DATA_DIR, and what waits in the spool"
    return Check(about="test trace", state=FAIL, said=said, fix=fix)


def _of_http(host: str, port: int, setting: str) -> Check:
    where = f"HTTP on {host}:{port}"
    health = _ask(host, port, "GET", "/healthz")
    if isinstance(health, str):
        return Check(about="receiver", state=FAIL, said=f"{where}: {health}", fix=_START)
    if _OURS not in health.body:
        fix = f"stop it, or set {setting} to another port"
        return Check(about="receiver", state=FAIL, said=f"{where}: another program answers there", fix=fix)
    answer = _ask(host, port, "POST", _PATH, b"", {"content-type": "application/x-protobuf"})
    if isinstance(answer, str) or answer.status != 200:
        said = answer if isinstance(answer, str) else f"it answers {answer.status} to a request without spans"
        return Check(about="receiver", state=FAIL, said=f"{where}: {said}", fix="the log of the service says more")
    said = f"{where} takes spans"
    try:
        state = orjson.loads(health.body)
    except orjson.JSONDecodeError:
        state = {}
    if problem := (state.get("database") or {}).get("problem"):
        return Check(
            about="receiver", state=WARN, said=f"{said} onto the disk: {problem}", fix="mend the service's database"
        )
    return Check(about="receiver", state=OK, said=said)


def _ask(
    host: str, port: int, method: str, path: str, body: bytes | None = None, headers: Mapping[str, str] | None = None
) -> _Answer | str:
    """The answer, or why there is none."""
    connection = http.client.HTTPConnection(host, port, timeout=SECONDS)
    try:
        connection.request(method, path, body, dict(headers or {}))
        response = connection.getresponse()
        return _Answer(status=response.status, body=response.read())
    except ConnectionRefusedError:
        return "nothing listens there"
    except TimeoutError:
        return f"it did not answer within {SECONDS:g} s"
    except (OSError, http.client.HTTPException) as error:
        return f"the connection broke off ({error})"
    finally:
        connection.close()


def _request(trace_id: str, clock: Clock, ids: IdSource) -> dict[str, Any]:
    end = int(clock.now().timestamp() * 1e9)
    root, child = ids.span_id(), ids.span_id()
    common = {"traceId": trace_id, "startTimeUnixNano": str(end - 2_000_000), "endTimeUnixNano": str(end), "kind": 1}
    text = [{"key": "input.value", "value": {"stringValue": "Does a trace arrive?"}}]
    listed = [
        {**common, "spanId": root, "name": "doctor", "attributes": text},
        {**common, "spanId": child, "parentSpanId": root, "name": "look"},
    ]
    resource = {"attributes": [{"key": "service.name", "value": {"stringValue": PROJECT}}]}
    scope = {"name": "tracing_core.doctor"}
    return {"resourceSpans": [{"resource": resource, "scopeSpans": [{"scope": scope, "spans": listed}]}]}
