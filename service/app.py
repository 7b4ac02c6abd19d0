"""The application: endpoints, errors and middleware put together."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from fastapi import FastAPI
from starlette.types import ASGIApp

from service import admin, ask, chat, errors, health, langfuse, media, metrics, traces
from service.answering import Answers
from service.bodies import BodyLimit, ReadingRoom
from service.desk import Desk
from service.intake import Intake
from service.mcp_http import PATH as MCP_PATH
from service.mcp_http import McpEndpoint
from service.otlp import Doors, NoReceiver, OtlpEndpoint
from service.outcome import Bookkeeper
from service.rate_limits import RatingLimit
from service.signals import SIGNALS, TRACES
from tracing_core.alerts.watch import AlertWatch
from tracing_core.asgi import TraceMiddleware
from tracing_core.clock import SystemClock
from tracing_core.diagnostics_keeping import DiagnosticsKeeper
from tracing_core.ids import IdSource
from tracing_core.store import Store

TRACED = ("/ask", "/api/v1/chat", "/api/v1/query")
NOT_TRACED = ("/api/v1/chat/feedback",)
_BYTES_OF_A_CHARACTER = 6
"""The longest that JSON makes of one byte: an escape such as `\\u0041`."""
_BYTES_AROUND = 64_000
_READ_AT_ONCE = 2
"""Bodies of the largest size that may be read at the same time."""


def create_app(store: Store, make_assistant: Callable[[], Answers]) -> FastAPI:
    """The application.

    Args:
        store: where traces go and come from; the caller closes it.
        make_assistant: called when everything else is loaded, as an assistant that gets ready takes its share of the
            machine; what it makes is closed with the application.
    """

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        assistant = make_assistant()
        app.state.desk = Desk(store=store, assistant=assistant, books=Bookkeeper(store.settings))
        keeper = DiagnosticsKeeper(store.database, store.ingest, store.writer, SystemClock(), IdSource())
        keeper.start()
        watch.start()
        async with mcp.running():
            yield
        app.state.desk.close()
        await asyncio.to_thread(watch.stop)
        await asyncio.to_thread(keeper.close)
        await asyncio.to_thread(assistant.close)

    watch = AlertWatch(store.database, store.settings, SystemClock())
    mcp = McpEndpoint(store)
    app = FastAPI(title="Tracewhy", docs_url=None, redoc_url=None, lifespan=lifespan)
    app.state.pulse = health.Pulse(store.database)
    app.state.rating_limit = RatingLimit(store.settings.feedback_rate, store.settings.feedback_burst, SystemClock())
    app.state.metrics = metrics.ServiceMetrics(store, SystemClock(), watch)
    app.state.intake = Intake(store.ingest, store.settings.max_otlp_bytes)
    for router in (
        ask.router,
        chat.router,
        traces.router,
        health.router,
        langfuse.router,
        media.router,
        admin.router,
        metrics.router,
    ):
        app.include_router(router)
    errors.install(app)
    most = store.settings.max_question_bytes * _BYTES_OF_A_CHARACTER + _BYTES_AROUND
    app.add_middleware(BodyLimit, most=most, larger=langfuse.BODY_BYTES)
    app.add_middleware(TraceMiddleware, paths=TRACED, exclude=NOT_TRACED)
    doors: dict[str, ASGIApp] = {**_receivers(app.state.intake), MCP_PATH: mcp}
    app.add_middleware(Doors, doors=doors, lost=NoReceiver(app.state.intake))  # added last, so it is the outermost
    return app


def _receivers(intake: Intake) -> dict[str, ASGIApp]:
    """The receivers of OpenTelemetry's protocol, by path."""
    room = ReadingRoom(intake.most_bytes, intake.most_bytes * _READ_AT_ONCE)
    receivers: dict[str, ASGIApp] = {f"/v1/{each.name}": OtlpEndpoint(each, intake, room) for each in SIGNALS}
    return receivers | {langfuse.TRACES_PATH: langfuse.BasicAuth(OtlpEndpoint(TRACES, intake, room))}
