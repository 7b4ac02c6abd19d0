"""A sender of traces in a process of its own: `python -m bench.otlp_client`, started by `Client`.

It makes its requests before it is asked to send them. Open loop (with a rate) a request's time counts from when it was
due, so that a stall of the receiver shows in every request that it delayed, not in one. Closed loop each sender sends the
next request when the last is acknowledged.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType

from bench.measure import percentile
from bench.otlp_bodies import SPANS_PER_BODY, make_bodies
from bench.otlp_sending import Load, Sent, send
from bench.otlp_workload import SPANS_PER_TRACE, Spread

ROOT = Path(__file__).parents[1]


@dataclass(frozen=True, kw_only=True, slots=True)
class Report:
    """What a client saw. Latencies in milliseconds, of acknowledged requests, tries again included."""

    spans: int
    requests: int
    seconds: float
    ack_p50_ms: float
    ack_p99_ms: float
    ack_max_ms: float
    tries_again: int
    rejected_spans: int
    cpu_seconds: float
    failures: tuple[str, ...]

    @property
    def spans_per_second(self) -> float:
        """Acknowledged spans by the time from the first request to the last acknowledgement."""
        return self.spans / self.seconds


def report(sent: Sent) -> Report:
    """The figures of what was sent."""
    latencies = [ack.latency_ms for ack in sent.acks] or [float("nan")]
    return Report(
        spans=sum(ack.spans for ack in sent.acks),
        requests=len(sent.acks),
        seconds=sent.seconds,
        ack_p50_ms=percentile(latencies, 0.5),
        ack_p99_ms=percentile(latencies, 0.99),
        ack_max_ms=max(latencies),
        tries_again=sent.tries_again,
        rejected_spans=sent.rejected_spans,
        cpu_seconds=sent.cpu_seconds,
        failures=sent.failures,
    )


class Client:
    """The other process; its requests are ready when the block begins.

    Args:
        url: where to post.
        traces: how many different ones it makes; it sends them again under new ids when these are used up.
        end_ns: the traces are made for the minute before this moment, nanoseconds since 1970, and move along with the clock.
        spans_per_body: spans in a request.
    """

    def __init__(self, url: str, traces: int, end_ns: int, spans_per_body: int = SPANS_PER_BODY) -> None:
        options = {"url": url, "traces": traces, "end-ns": end_ns, "spans-per-body": spans_per_body}
        words = [word for name, value in options.items() for word in (f"--{name}", str(value))]
        self._command = [sys.executable, "-m", "bench.otlp_client", *words]

    def __enter__(self) -> Client:
        pipe = subprocess.PIPE
        self._process = subprocess.Popen(self._command, cwd=ROOT, stdin=pipe, stdout=pipe, text=True)
        self._line()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if error is not None:
            self._process.kill()
        self._process.communicate()

    def send(self, load: Load) -> Report:
        """Send, and wait for the end of it.

        Raises:
            RuntimeError: the client ended without a report, or nothing was acknowledged.
        """
        self.begin(load)
        return self.result()

    def begin(self, load: Load) -> None:
        """Start sending, and return at once."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(asdict(load)) + "\n")
        self._process.stdin.flush()

    def result(self) -> Report:
        """What came of the load that was begun.

        Raises:
            RuntimeError: the client ended without a report, or nothing was acknowledged.
        """
        found = json.loads(self._line())
        result = Report(**{**found, "failures": tuple(found["failures"])})
        if not result.spans:
            raise RuntimeError(f"nothing was acknowledged: {'; '.join(result.failures[:3]) or 'no reason given'}")
        return result

    def _line(self) -> str:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError("the client ended too early; what it said is above")
        return line


def main() -> None:
    """Make the requests, say so, then send once for each line of standard input: the fields of `Load` as JSON."""
    parser = argparse.ArgumentParser(prog="python -m bench.otlp_client", description=__doc__)
    parser.add_argument("--url", required=True)
    parser.add_argument("--traces", type=int, required=True)
    parser.add_argument("--end-ns", type=int, default=0, help="end of the minute that the traces are made for")
    parser.add_argument("--spans-per-body", type=int, default=SPANS_PER_BODY)
    options = parser.parse_args()
    end_ns = options.end_ns or time.time_ns()
    spread = Spread(end_ns=end_ns, slot_seconds=60.0)
    bodies = make_bodies(options.traces, spread, spans_per_body=options.spans_per_body)
    print(json.dumps({"ready": len(bodies), "spans": options.traces * SPANS_PER_TRACE}), flush=True)
    offset = 0
    for line in sys.stdin:
        sent = send(options.url, bodies, Load(**json.loads(line)), offset, end_ns)
        offset += sent.taken
        print(json.dumps(asdict(report(sent))), flush=True)


if __name__ == "__main__":
    main()
