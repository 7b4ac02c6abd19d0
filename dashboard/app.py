"""What `streamlit run dashboard/app.py` runs: the dashboard, and the service where nobody else runs one."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import streamlit as st

from dashboard.api import service_url
from dashboard.service_process import ServiceProcess
from tracing_core.errors import SettingsError
from tracing_core.settings import settings


@asynccontextmanager
async def lifespan(_: st.App) -> AsyncIterator[dict[str, Any]]:
    """Keep a service running beside the dashboard, unless API_URL names one."""
    try:
        process = None if settings().api_url else ServiceProcess(service_url(settings()))
    except SettingsError:
        process = None  # every page says so
    if process:
        process.start()
    try:
        yield {}
    finally:
        if process:
            await anyio.to_thread.run_sync(process.stop)


app = st.App(Path(__file__).with_name("shell.py"), lifespan=lifespan)
