"""`GET /healthz`: what works, what does not, and how far the assistant is. It never waits for long."""

from __future__ import annotations

import asyncio
from dataclasses import asdict
from typing import Any

from fastapi import APIRouter, Request

from assistant.model import Progress
from service.parts import TheDesk
from tracing_core.errors import StorageError
from tracing_core.storage.database import Database

router = APIRouter()

PING_SECONDS = 0.5


class Pulse:
    """Asks the database for a sign of life, once at a time, and does not wait long for it."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._asking: asyncio.Task[str | None] | None = None

    async def problem(self) -> str | None:
        """What is wrong with the database; None when it answers."""
        if self._asking is None or self._asking.done():
            self._asking = asyncio.create_task(asyncio.to_thread(self._ask))
        try:
            return await asyncio.wait_for(asyncio.shield(self._asking), PING_SECONDS)
        except TimeoutError:
            return f"the database did not answer within {PING_SECONDS} s"

    def _ask(self) -> str | None:
        try:
            self._database.ping()
        except StorageError as error:
            return str(error)
        return None


@router.get("/healthz")
async def healthz(desk: TheDesk, request: Request) -> dict[str, Any]:
    """Always 200 as long as the service answers; `status` is degraded when something in it does not work."""
    problem = await request.app.state.pulse.problem()
    writer = desk.store.writer.stats()
    progress = desk.assistant.progress()
    degraded = problem or writer.problem or progress.error
    return {
        "service": "tracewhy",
        "status": "degraded" if degraded else "ok",
        "database": {"ok": problem is None, "problem": problem},
        "assistant": {
            "ready": progress.ready,
            "progress": _said(progress),
            "problem": progress.error,
            "model": desk.books.model,
        },
        "writer": asdict(writer),
    }


def _said(progress: Progress) -> str:
    """How far it is, in words: `Reading pandas 3.1.1, 3 of 8`."""
    return f"{progress.stage}, {progress.done} of {progress.total}" if progress.total else progress.stage
