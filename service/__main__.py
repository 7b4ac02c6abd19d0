"""`python -m service`: answers questions and takes ratings over HTTP until it is stopped."""

from __future__ import annotations

import argparse
import logging
import signal
import socket
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace

from assistant.assistant import Assistant
from service.app import create_app
from service.otlp_grpc import GrpcReceiver
from service.server import Server, address, bind, when_stdin_ends
from tracing_core import Store, ingest_worker, init
from tracing_core.clock import SystemClock
from tracing_core.errors import StorageError, TracewhyError
from tracing_core.fork_server import ForkServer
from tracing_core.ingest_pool import IngestPool
from tracing_core.logs import log_to_stderr
from tracing_core.misspelt_settings import misspelt
from tracing_core.settings import Settings, settings
from tracing_core.storage.embedded import release_embedded
from tracing_core.storage.migrate import upgrade
from tracing_core.upkeep import Upkeep

logger = logging.getLogger("service")


def main(arguments: list[str] | None = None) -> int:
    """Run the service; 0 when it was asked to stop, 1 with one line on stderr when it cannot start."""
    options = _parser().parse_args(arguments)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))  # until the server runs, which has its own way
    try:
        log_to_stderr(settings().log_level)
        for name, meant in misspelt().items():
            logger.warning("%s is no setting, and changes nothing; write %s", name, meant)
        # Before there are sockets and threads, which a fork must not inherit.
        forks = ForkServer(ingest_worker.work) if settings().ingest_processes else None
        with _sockets(settings()) as listening:
            _run(forks, listening, watch_stdin=options.watch_stdin)
    except TracewhyError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    except KeyboardInterrupt:
        return 0
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m service", description=__doc__)
    parser.add_argument(
        "--watch-stdin", action="store_true", help="stop when standard input ends, as it does when the parent is gone"
    )
    return parser


@contextmanager
def _sockets(chosen: Settings) -> Iterator[list[socket.socket]]:
    """Where HTTP is answered: the port of the service, and the one where exporters look for a receiver."""
    with ExitStack() as last_things:
        sockets = [last_things.enter_context(bind(chosen.host, chosen.service_port))]
        if chosen.otlp_port:
            sockets.append(last_things.enter_context(bind(chosen.host, chosen.otlp_port, "TRACEWHY_OTLP_PORT")))
        if chosen.grpc_port:  # gRPC binds by itself, when there is something to receive for; better to know now
            bind(chosen.host, chosen.grpc_port, "TRACEWHY_GRPC_PORT").close()
        yield sockets


def _run(forks: ForkServer | None, listening: list[socket.socket], *, watch_stdin: bool) -> None:
    with ExitStack() as last_things:
        last_things.callback(release_embedded)
        store = init()
        last_things.callback(store.close)
        _prepare(store)
        if forks is not None:
            store = replace(store, ingest=IngestPool(forks, store.settings))
            last_things.callback(store.ingest.close)
        upkeep = Upkeep(store, SystemClock())
        last_things.callback(upkeep.stop)
        upkeep.start()
        app = create_app(store, lambda: Assistant(store.settings, on_progress=_Said()))
        last_things.callback(app.state.intake.close)
        server = Server(app)
        if watch_stdin:
            when_stdin_ends(server.stop)
        if store.settings.grpc_port:
            receiver = GrpcReceiver(app.state.intake, store.settings.host, store.settings.grpc_port)
            last_things.callback(receiver.stop)
            logger.info("listening on %s for gRPC", address(store.settings.host, receiver.port))
        for each in listening:
            logger.info("listening on http://%s", address(*each.getsockname()[:2]))
        server.serve_until_stopped(listening)


class _Said:
    """Logs each stage of getting ready once."""

    def __init__(self) -> None:
        self._stage = ""

    def __call__(self, stage: str, _done: int, _total: int) -> None:
        if stage != self._stage:
            self._stage = stage
            logger.info("getting ready: %s", stage)


def _prepare(store: Store) -> None:
    """Bring the schema up to date; without the database traces wait on disk, and the writer does this later."""
    try:
        upgrade(store.database)
    except StorageError as error:
        logger.error("starting without the database: %s", error)


if __name__ == "__main__":
    sys.exit(main())
