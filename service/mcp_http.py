"""The MCP server over streamable HTTP, at `/mcp`: each request for itself, answered in JSON."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from urllib.parse import urlsplit

from mcp.server.transport_security import TransportSecuritySettings
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Receive, Scope, Send

from service.admission import admit
from service.errors import refusal
from service.mcp_server import make_server
from tracing_core.store import Store

PATH = "/mcp"
_MOST_BYTES = 256_000
"""Of a request; arguments of tools are short."""
_HERE = ("127.0.0.1", "localhost", "[::1]")


class McpEndpoint:
    """The endpoint. Who may use it is as with the admin endpoints, since it shows the same.

    Requests must be meant for this machine or for the dashboard's address (Host), and web pages of other places are refused
    (Origin): a page that somebody visits cannot make their browser read traces.

    Args:
        store: where the runs are, the admin token, and the dashboard's address.
    """

    def __init__(self, store: Store) -> None:
        self._token = store.settings.admin_token
        self._server = make_server(lambda: store.database, store.settings.public_url)
        self._app: ASGIApp = self._server.streamable_http_app(
            streamable_http_path=PATH,
            json_response=True,
            stateless_http=True,
            max_request_body_size=_MOST_BYTES,
            transport_security=_addresses(store.settings.public_url),
        )

    def running(self) -> AbstractAsyncContextManager[None]:
        """What has to be open while requests are answered; once."""
        return self._server.session_manager.run()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["method"] != "POST":  # nothing is ever sent unasked, so there is no stream to open
            await refusal(405, f"{scope['method']} is not understood; send POST", None, {"allow": "POST"})(
                scope, receive, send
            )
            return
        try:
            admit(self._token, Headers(scope=scope).get("authorization"))
        except HTTPException as error:
            await refusal(error.status_code, error.detail, None, dict(error.headers or {}))(scope, receive, send)
            return
        await self._app(scope, receive, send)


def _addresses(dashboard_url: str) -> TransportSecuritySettings:
    dashboard = urlsplit(dashboard_url)
    return TransportSecuritySettings(
        allowed_hosts=[*_HERE, *(f"{host}:*" for host in _HERE), dashboard.netloc],
        allowed_origins=[*(f"http://{host}:*" for host in _HERE), f"{dashboard.scheme}://{dashboard.netloc}"],
    )
