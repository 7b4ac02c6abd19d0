"""The application: endpoints, errors and middleware put together."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from fastapi import FastAPI

from service import ask, chat, errors, health, traces
from service.answering import Answers
from service.bodies import BodyLimit
from service.desk import Desk
from service.outcome import Bookkeeper
from tracing_core.asgi import TraceMiddleware
from tracing_core.store import Store

TRACED = ("/ask", "/api/v1/chat", "/api/v1/query")
NOT_TRACED = ("/api/v1/chat/feedback",)
_BYTES_OF_A_CHARACTER = 6
"""The longest that JSON makes of one byte: an escape such as `\\u0041`."""
_BYTES_AROUND = 64_000


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
        yield
        app.state.desk.close()
        await asyncio.to_thread(assistant.close)

    app = FastAPI(title="Tracewhy", docs_url=None, redoc_url=None, lifespan=lifespan)
    app.state.pulse = health.Pulse(store.database)
    for router in (ask.router, chat.router, traces.router, health.router):
        app.include_router(router)
    errors.install(app)
    app.add_middleware(BodyLimit, most=store.settings.max_question_bytes * _BYTES_OF_A_CHARACTER + _BYTES_AROUND)
    app.add_middleware(TraceMiddleware, paths=TRACED, exclude=NOT_TRACED)  # added last, so it is the outermost
    return app
