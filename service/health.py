"""`GET /healthz`: what works, what does not, and how far the assistant is. It never waits for long."""

from __future__ import annotations

import asyncio
from dataclasses import asdict
from typing import Any

from fastapi import APIRouter, Request

from service.desk import Desk
from service.loading import said
from service.parts import TheDesk
from tracing_core.errors import StorageError

router = APIRouter()

PING_SECONDS = 0.5


class Pulse:
    """Asks the database for a sign of life, once at a time, and does not wait long for it."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
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
            self._desk.store.database.ping()
        except StorageError as error:
            return str(error)
        return None


@router.get("/healthz")
async def healthz(desk: TheDesk, request: Request) -> dict[str, Any]:
    """Always 200 as long as the service answers; `status` is degraded when something in it does not work."""
    problem = await request.app.state.pulse.problem()
    writer = desk.store.writer.stats()
    progress = desk.loader.progress
    degraded = problem or writer.problem or progress.error
    return {
        "service": "tracewhy",
        "status": "degraded" if degraded else "ok",
        "database": {"ok": problem is None, "problem": problem},
        "assistant": {
            "ready": desk.loader.ready,
            "progress": said(progress),
            "problem": progress.error,
            "model": desk.loader.model,
        },
        "writer": asdict(writer),
    }
