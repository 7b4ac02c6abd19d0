"""The middleware's choice of paths."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tracing_core.asgi import TraceMiddleware
from tracing_core.context import TraceContext


@pytest.mark.parametrize(
    ("path", "traced"),
    [("/chat", True), ("/chat/more", True), ("/chat/feedback", False), ("/chat/feedback/x", False), ("/chats", False)],
)
def test_excluded_paths_are_not_traced(path: str, traced: bool) -> None:
    """`exclude` takes paths out of `paths`, with what lies below them and nothing beside them."""
    seen: list[bool] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        seen.append(TraceContext.current() is not None)

    async def nothing(*_: Any) -> Any:
        return None

    middleware = TraceMiddleware(app, paths=["/chat"], exclude=["/chat/feedback"])
    scope = {"type": "http", "method": "POST", "path": path, "headers": []}
    asyncio.run(middleware(scope, nothing, nothing))
    assert seen == [traced]
