"""The running of the service: its sockets, one uvicorn, an orderly end."""

from __future__ import annotations

import contextlib
import ipaddress
import logging
import os
import signal
import socket
import threading
from collections.abc import Callable

import uvicorn
from fastapi import FastAPI

from tracing_core.errors import SettingsError

logger = logging.getLogger(__name__)

STOP_SECONDS = 5
_RECEIVERS = ("/v1/", "/api/public/otel/")
_BACKLOG = 512
_STDIN = 0


class _QuietReceivers(logging.Filter):
    """Keeps out of the access log the requests that exporters send all the time and that are served."""

    def filter(self, record: logging.LogRecord) -> bool:
        _client, _method, path, _version, status = record.args if isinstance(record.args, tuple) else (None,) * 5
        return not (status == 200 and str(path).startswith(_RECEIVERS))


_QUIET = _QuietReceivers()


class Server(uvicorn.Server):
    """uvicorn, which on its way out first ends the answers that are being streamed.

    Args:
        app: the application, with its desk.
    """

    def __init__(self, app: FastAPI) -> None:
        super().__init__(
            uvicorn.Config(app, log_config=None, timeout_graceful_shutdown=STOP_SECONDS, server_header=False)
        )
        self._app = app
        logging.getLogger("uvicorn.access").addFilter(_QUIET)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._app.state.desk.close()
        await super().shutdown(sockets)

    def serve_until_stopped(self, listening: list[socket.socket]) -> None:
        """Answer requests at the sockets, at each the same, until a signal or `stop` ends it."""
        # uvicorn sends itself the signal again when it has stopped; by then it has nothing left to say to us.
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: None)
        self.run(sockets=listening)

    def stop(self) -> None:
        """Begin the end. For any thread."""
        self.should_exit = True


def bind(host: str, port: int, setting: str = "TRACEWHY_SERVICE_PORT") -> socket.socket:
    """A socket at an address of this machine that only this machine can reach.

    Args:
        host, port: the address; port 0 takes any that is free.
        setting: what chooses the port.

    Raises:
        SettingsError: other machines could reach it, or the port is taken.
    """
    need_loopback(host)
    try:
        family, kind, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listening = socket.socket(family, kind)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(address)
        listening.listen(_BACKLOG)
    except OSError as error:
        raise SettingsError(
            f"cannot listen on {host}:{port} ({error.strerror or error}); "
            f"set {setting} to another port, or stop the program that holds this one"
        ) from error
    return listening


def _loopback(host: str) -> bool:
    with contextlib.suppress(ValueError):
        return ipaddress.ip_address(host).is_loopback
    return host == "localhost"


def address(host: str, port: int) -> str:
    """Host and port as URLs have them."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def need_loopback(host: str) -> None:
    """Refuse an address that other machines can reach.

    Raises:
        SettingsError: they could.
    """
    if not _loopback(host):
        raise SettingsError(
            f"TRACEWHY_HOST={host} would show every trace to the network, and authentication is not configured; "
            "keep 127.0.0.1, and come in through ssh -L or a proxy that asks for a sign-in"
        )


def when_stdin_ends(call: Callable[[], None]) -> None:
    """Call `call` when whoever started this process and holds the other end of its standard input is gone."""

    def watch() -> None:
        while os.read(_STDIN, 4096):  # not through sys.stdin, whose lock the interpreter wants when it exits
            pass
        logger.info("standard input has ended; so does the service")
        call()

    threading.Thread(target=watch, name="stdin", daemon=True).start()
