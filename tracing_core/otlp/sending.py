"""Send requests to an OTLP endpoint over HTTP, again where trying again can help."""

from __future__ import annotations

import gzip
import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from urllib.parse import unquote, urlsplit

import urllib3
from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse
from tenacity import RetryCallState, Retrying, retry_if_exception_type, stop_after_attempt, wait_exponential_jitter

from tracing_core.clock import Clock
from tracing_core.errors import InvalidInput
from tracing_core.model import TraceData
from tracing_core.otlp.encode import request_of

logger = logging.getLogger(__name__)

_PATH = "/v1/traces"
_TRY_AGAIN = frozenset({429, 502, 503, 504})
_TOO_MUCH_AT_ONCE = frozenset({400, 413, 422})
"""Answers that a part of the request may not get."""
_CONTENT = {"content-type": "application/x-protobuf", "content-encoding": "gzip", "user-agent": "tracewhy"}
_LONGEST_PAUSE_SECONDS = 60.0
_pauses = wait_exponential_jitter(multiplier=0.5, max=30.0)


@dataclass(frozen=True, kw_only=True, slots=True)
class Fate:
    """What became of some traces: sent when `problem` is None, else not. `refused_spans` of those sent were not taken."""

    traces: Sequence[TraceData]
    problem: str | None = None
    refused_spans: int = 0


class _TryAgain(Exception):
    def __init__(self, problem: str, pause: float | None = None) -> None:
        super().__init__(problem)
        self.pause = pause


class Endpoint:
    """One place that takes OTLP over HTTP.

    Args:
        url: of the receiver, with or without `/v1/traces`.
        headers: sent along, such as an authorization.
        clock: to read a Retry-After that names a time.
        attempts: how often a request is sent at most.
        timeout: seconds that one attempt may take.

    `on_retry` is called before a request is sent again.

    Raises:
        InvalidInput: the URL is none of HTTP.
    """

    def __init__(
        self, url: str, headers: Mapping[str, str], clock: Clock, *, attempts: int = 6, timeout: float = 10.0
    ) -> None:
        self.url = traces_url(url)
        self.on_retry: Callable[[], None] = lambda: None
        self._clock = clock
        self._headers = {**headers, **_CONTENT}
        self._timeout = timeout
        self.start_anew()
        self._retrying = Retrying(
            retry=retry_if_exception_type(_TryAgain),
            stop=lambda state: self._stopped.is_set() or stop_after_attempt(attempts)(state),
            wait=_pause,
            sleep=self._sleep,
            before_sleep=lambda _state: self.on_retry(),
            reraise=True,
        )

    def start_anew(self) -> None:
        """Begin without a connection; in a forked child the open one is its parent's."""
        self._stopped = threading.Event()
        self._pool = urllib3.PoolManager(
            headers=self._headers, timeout=urllib3.Timeout(self._timeout), retries=False, maxsize=1
        )

    def _sleep(self, seconds: float) -> None:
        self._stopped.wait(seconds)

    def stop(self) -> None:
        """End all pauses; from now on everything is sent once."""
        self._stopped.set()

    def close(self) -> None:
        """Let go of the connection."""
        self._pool.clear()

    def knock(self) -> None:
        """Send a request without traces.

        Raises:
            InvalidInput: not even this is taken.
        """
        for fate in self.send(()):
            if fate.problem is not None:
                raise InvalidInput("endpoint", f"{self.url} takes nothing ({fate.problem}); nothing was sent")

    def send(self, traces: Sequence[TraceData]) -> list[Fate]:
        """Send `traces`; where they are refused together, by halves, so that a bad one takes no others with it."""
        try:
            status, refused = self._retrying(self._post, gzip.compress(request_of(traces).SerializeToString(), 5))
        except _TryAgain as error:
            return [Fate(traces=traces, problem=str(error))]
        if status < 300:
            return [Fate(traces=traces, refused_spans=refused)]
        if status in _TOO_MUCH_AT_ONCE and len(traces) > 1:
            middle = len(traces) // 2
            return [*self.send(traces[:middle]), *self.send(traces[middle:])]
        return [Fate(traces=traces, problem=f"refused with HTTP {status}")]

    def _post(self, body: bytes) -> tuple[int, int]:
        """Status of the answer, and how many spans it says it did not take."""
        try:
            answer = self._pool.request("POST", self.url, body=body, redirect=False)
        except urllib3.exceptions.HTTPError as error:
            said = getattr(error.__cause__, "strerror", None) or type(error).__name__
            raise _TryAgain(f"not reached: {said}") from error
        if answer.status in _TRY_AGAIN:
            raise _TryAgain(f"refused with HTTP {answer.status}", self._asked_pause(answer.headers.get("retry-after")))
        return answer.status, _refused_spans(answer.data) if answer.status < 300 else 0

    def _asked_pause(self, retry_after: str | None) -> float | None:
        """Seconds that a Retry-After header asks for, as a number or a time; None when it asks for nothing."""
        if not retry_after:
            return None
        try:
            if retry_after.strip().isdigit():
                seconds = float(retry_after)
            else:
                seconds = (parsedate_to_datetime(retry_after) - self._clock.now()).total_seconds()
        except (ValueError, TypeError):
            return None
        return min(max(seconds, 0.0), _LONGEST_PAUSE_SECONDS)


def traces_url(url: str) -> str:
    """The address for traces of the receiver at `url`.

    Raises:
        InvalidInput: it is no http or https URL.
    """
    if urlsplit(url).scheme not in ("http", "https") or not urlsplit(url).hostname:
        raise InvalidInput("endpoint", f"{url!r} is no URL of an OTLP receiver; give one such as http://localhost:4318")
    base = url.rstrip("/")
    return base if base.endswith(_PATH) else base + _PATH


def headers_of(text: str) -> dict[str, str]:
    """Headers as OpenTelemetry's variables have them: `name=value,name=value`, values URL-encoded.

    Raises:
        InvalidInput: a part is no such pair.
    """
    headers: dict[str, str] = {}
    for part in filter(None, (part.strip() for part in text.split(","))):
        name, equals, value = part.partition("=")
        if not equals or not name.strip():
            raise InvalidInput("headers", "must be name=value pairs with commas between them; write a comma as %2C")
        headers[unquote(name.strip()).lower()] = unquote(value.strip())
    return headers


def _pause(state: RetryCallState) -> float:
    error = state.outcome.exception() if state.outcome else None
    asked = error.pause if isinstance(error, _TryAgain) else None
    return _pauses(state) if asked is None else asked


def _refused_spans(body: bytes) -> int:
    try:
        partial = ExportTraceServiceResponse.FromString(body).partial_success
    except DecodeError:
        return 0
    if partial.rejected_spans or partial.error_message:
        logger.warning(
            "the receiver of exported traces did not take %d spans: %s", partial.rejected_spans, partial.error_message
        )
    return int(partial.rejected_spans)
