"""The application: endpoints, errors and middleware put together."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI

from service import ask, chat, errors, health, traces
from service.bodies import BodyLimit
from service.desk import Desk
from service.loading import Loader
from service.outcome import Bookkeeper
from tracing_core.asgi import TraceMiddleware
from tracing_core.store import Store

TRACED = ("/ask", "/api/v1/chat", "/api/v1/query")
NOT_TRACED = ("/api/v1/chat/feedback",)
_BYTES_OF_A_CHARACTER = 6
"""The longest that JSON makes of one byte: an escape such as `\\u0041`."""
_BYTES_AROUND = 64_000


def create_app(store: Store, loader: Loader) -> FastAPI:
    """The application.

    Args:
        store: where traces go and come from; the caller closes it.
        loader: gives the assistant; it is started with the application.
    """
    desk = Desk(store=store, loader=loader, books=Bookkeeper(store.settings))
    app = FastAPI(title="Tracewhy", docs_url=None, redoc_url=None, lifespan=_lifespan)
    app.state.desk = desk
    app.state.pulse = health.Pulse(desk)
    for router in (ask.router, chat.router, traces.router, health.router):
        app.include_router(router)
    errors.install(app)
    app.add_middleware(BodyLimit, most=store.settings.max_question_bytes * _BYTES_OF_A_CHARACTER + _BYTES_AROUND)
    app.add_middleware(TraceMiddleware, paths=TRACED, exclude=NOT_TRACED)  # added last, so it is the outermost
    return app


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    desk: Desk = app.state.desk
    desk.loader.start()
    yield
    desk.close()
