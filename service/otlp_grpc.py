"""OpenTelemetry's protocol over gRPC.

It has a thread and an event loop of its own, so that neither HTTP nor gRPC depends on how the other turns its loop.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Awaitable, Callable
from concurrent.futures import Future

import grpc

from service.intake import PROJECT_HEADER, Intake, Parcel
from service.rpc_status import Problem, problem_of
from service.server import address, need_loopback
from service.signals import SIGNALS, Signal
from tracing_core.errors import InvalidInput, Overloaded, SettingsError
from tracing_core.otlp.decode import PROTOBUF

logger = logging.getLogger(__name__)

STOP_SECONDS = 2.0
"""How long requests may go on that are being stored when the service stops."""
_MOST_AT_ONCE = 2000
_CODES = {code.value[0]: code for code in grpc.StatusCode}

Export = Callable[[bytes, "grpc.aio.ServicerContext[bytes, bytes]"], Awaitable[bytes]]


class GrpcReceiver:
    """Listens from when it is made until `stop`.

    Args:
        intake: has requests stored.
        host, port: the address, which only this machine can reach; port 0 takes any that is free.

    Raises:
        SettingsError: other machines could reach it, or the port is taken.
    """

    def __init__(self, intake: Intake, host: str, port: int) -> None:
        need_loopback(host)
        self._intake = intake
        self._address = address(host, port)
        self._listening: Future[int] = Future()
        self._loop = asyncio.new_event_loop()
        self._stopping = asyncio.Event()
        self._thread = threading.Thread(target=self._run, name="grpc", daemon=True)
        self._thread.start()
        self.port = self._listening.result()

    def stop(self) -> None:
        """Take no more requests, and let those end that are being stored."""
        self._loop.call_soon_threadsafe(self._stopping.set)
        self._thread.join()

    def _run(self) -> None:
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.run(self._serve())

    async def _serve(self) -> None:
        # Two programs that share a port would each get some of the requests.
        options = (("grpc.so_reuseport", 0), ("grpc.max_receive_message_length", self._intake.most_bytes))
        server = grpc.aio.server(options=options, maximum_concurrent_rpcs=_MOST_AT_ONCE)
        server.add_generic_rpc_handlers(tuple(_handler(signal, self._intake) for signal in SIGNALS))
        try:
            port = server.add_insecure_port(self._address)
        except RuntimeError:
            self._listening.set_exception(
                SettingsError(
                    f"cannot listen on {self._address} for gRPC; set TRACEWHY_GRPC_PORT to another port (0 for none), "
                    "or stop the program that holds this one"
                )
            )
            return
        await server.start()
        self._listening.set_result(port)
        await self._stopping.wait()
        await server.stop(STOP_SECONDS)


def _handler(signal: Signal, intake: Intake) -> grpc.GenericRpcHandler:
    """The service of one signal. Messages stay bytes: they are read where there is time for it."""
    method = grpc.unary_unary_rpc_method_handler(_export(signal, intake))
    return grpc.method_handlers_generic_handler(signal.service, {"Export": method})


def _export(signal: Signal, intake: Intake) -> Export:
    async def export(body: bytes, context: grpc.aio.ServicerContext[bytes, bytes]) -> bytes:
        metadata = {key: value for key, value in context.invocation_metadata() or () if isinstance(value, str)}
        parcel = Parcel(signal=signal, body=body, media_type=PROTOBUF, project=metadata.get(PROJECT_HEADER))
        try:
            outcome = await intake.take(parcel)
        except (InvalidInput, Overloaded) as error:
            outcome = error
        if isinstance(outcome, BaseException):
            problem = problem_of(outcome)
            intake.refused(signal, problem, metadata.get("user-agent"), len(body))
            return await _refuse(problem, context)
        intake.served(signal)
        return signal.receipt(outcome, PROTOBUF)

    return export


async def _refuse(problem: Problem, context: grpc.aio.ServicerContext[bytes, bytes]) -> bytes:
    details: tuple[tuple[str, bytes], ...] = (("grpc-status-details-bin", problem.status()),)
    if problem.retry_after is not None:  # where OpenTelemetry's exporter for Python looks for it
        details = (*details, ("google.rpc.retryinfo-bin", problem.retry_info()))
    await context.abort(_CODES[problem.code], problem.message[:1000], trailing_metadata=details)
    raise AssertionError  # abort has raised already
