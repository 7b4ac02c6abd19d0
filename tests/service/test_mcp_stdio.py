"""The MCP server as a client starts it: a process that speaks over standard input and output."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, TypeVar

import pytest
from mcp import Client, StdioServerParameters, stdio_client
from mcp.types import CallToolResult, TextContent

import tracing_core as tracing
from tests.service.process import ROOT, free_port
from tests.service.runs_asked_about import record

T = TypeVar("T")


def talk(settings: dict[str, str], log: Path, say: Callable[[Client], Awaitable[T]], mode: str = "auto") -> T:
    """What comes of a conversation with a process of its own."""
    command = StdioServerParameters(command=sys.executable, args=["-m", "service.mcp_stdio"], env=settings, cwd=ROOT)

    async def run() -> T:
        with log.open("w") as errors:
            async with Client(stdio_client(command, errlog=errors), mode=mode) as client:
                return await say(client)

    return asyncio.run(run())


def text_of(result: CallToolResult) -> str:
    """What it says."""
    (content,) = result.content
    assert isinstance(content, TextContent)
    return content.text


@pytest.mark.parametrize("mode", ["auto", "legacy"])
def test_a_client_that_starts_it_can_ask(store: tracing.Store, database_url: str, tmp_path: Path, mode: str) -> None:
    """Tools are listed and answer from the database of the settings, under the dashboard's address; wrong input is named."""
    runs = record(store)
    settings = {
        "DATABASE_URL": database_url,
        "TRACEWHY_DATA_DIR": str(tmp_path / "data"),
        "TRACEWHY_PUBLIC_URL": "https://traces.example",
    }

    async def ask(client: Client) -> tuple[int, CallToolResult, CallToolResult]:
        listed = await client.list_tools()
        why = await client.call_tool("why_did_it_fail", {"trace_id": runs.failed})
        return len(listed.tools), why, await client.call_tool("get_run", {"trace_id": "0" * 32})

    count, why, missing = talk(settings, tmp_path / "log", ask, mode)
    assert count == 12
    assert why.structured_content is not None
    assert why.structured_content["run"]["url"] == f"https://traces.example/trace?id={runs.failed}"
    assert why.structured_content["errors"][0]["name"] == "exa_search"
    assert missing.is_error
    assert text_of(missing).startswith("trace_id: is the id of no stored run")
    assert "Traceback" not in (tmp_path / "log").read_text()


def test_without_the_database_it_starts_and_says_so(tmp_path: Path) -> None:
    """A client that is configured sees the tools, and is told what is wrong when it asks."""
    settings = {
        "DATABASE_URL": f"postgresql://nobody@127.0.0.1:{free_port()}/none",
        "TRACEWHY_DATA_DIR": str(tmp_path / "data"),
    }

    async def ask(client: Client) -> CallToolResult:
        return await client.call_tool("find_runs", {})

    result = talk(settings, tmp_path / "log", ask)
    assert result.is_error
    assert text_of(result).endswith("check that PostgreSQL runs and that DATABASE_URL is right")


def test_it_ends_with_its_input_and_prints_nothing_else() -> None:
    """Standard output belongs to the protocol, and a client that is gone leaves no process."""
    done = _started({})
    assert (done.returncode, done.stdout) == (0, "")


def test_a_bad_setting_is_named() -> None:
    """A setting that cannot be used ends it with one line."""
    done = _started({"TRACEWHY_LOG_LEVEL": "LOUD"})
    assert (done.returncode, done.stdout) == (1, "")
    assert "TRACEWHY_LOG_LEVEL" in done.stderr
    assert "Traceback" not in done.stderr


def _started(settings: dict[str, str]) -> subprocess.CompletedProcess[Any]:
    return subprocess.run(
        [sys.executable, "-m", "service.mcp_stdio"],
        cwd=ROOT,
        env=settings,
        stdin=subprocess.DEVNULL,
        text=True,
        capture_output=True,
        timeout=60,
        check=False,
    )
