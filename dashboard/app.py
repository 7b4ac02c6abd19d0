"""What `streamlit run dashboard/app.py` runs: the dashboard, and the service where nobody else runs one."""

from __future__ import annotations

import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import anyio
import streamlit as st

from dashboard.api import service_url
from dashboard.service_process import ServiceProcess
from tracing_core.errors import SettingsError, StorageError
from tracing_core.settings import settings


def warm_up() -> None:
    """Open the store before the first page asks for it; a page says what is wrong where that fails."""
    from dashboard import data

    with suppress(SettingsError, StorageError):
        data.store()


@asynccontextmanager
async def lifespan(_: st.App) -> AsyncIterator[dict[str, Any]]:
    """Keep a service running beside the dashboard, unless API_URL names one."""
    try:
        process = None if settings().api_url else ServiceProcess(service_url(settings()))
    except SettingsError:
        process = None  # every page says so
    threading.Thread(target=warm_up, name="warm-up", daemon=True).start()
    if process:
        process.start()
    try:
        yield {}
    finally:
        if process:
            await anyio.to_thread.run_sync(process.stop)


app = st.App(Path(__file__).with_name("shell.py"), lifespan=lifespan)
