"""Instrumented programs that run as their users run them: processes with nothing but environment variables."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.service.language_model import LanguageModelServer, language_model_serving
from tests.service.process import free_port, service_process
from tests.service.serving import eventually
from tracing_core.model import SpanKind
from tracing_core.query.filters import TraceFilter
from tracing_core.query.trace import SpanPayload, SpanRow, TraceDetail, get_trace, span_payload, spans
from tracing_core.query.traces import list_traces
from tracing_core.storage.database import Database

PROGRAMS = Path(__file__).parent / "instrumented"
ANSWERED_BY = "SmolLM2-135M-Instruct.Q4_1.gguf"
PRICES = f'{{"{ANSWERED_BY}": {{"input": 1, "output": 2}}}}'
"""Dollars for a million tokens."""


@dataclass(frozen=True, kw_only=True)
class Arrived:
    """A trace as the database has it."""

    database: Database
    trace: TraceDetail
    spans: tuple[SpanRow, ...]

    def of_kind(self, kind: SpanKind) -> tuple[SpanRow, ...]:
        """Its spans of one kind, as they began."""
        return tuple(span for span in self.spans if span.kind is kind)

    def payload(self, span: SpanRow) -> SpanPayload:
        """What a span holds."""
        found = span_payload(self.database, self.trace.trace_id, span.span_id)
        assert found is not None
        return found


@dataclass(frozen=True, kw_only=True)
class Applications:
    """A service that runs, the model's server, and the programs between them."""

    database: Database
    model: LanguageModelServer
    url: str
    grpc_url: str

    def run(self, program: str, project: str, **settings: str) -> tuple[Arrived, ...]:
        """What arrived of a program, in the order in which its traces began.

        Args:
            program: the name of its file.
            project: the name that it gives itself.
            settings: further environment variables.
        """
        done = subprocess.run(
            [sys.executable, "-W", "error::RuntimeWarning", str(PROGRAMS / f"{program}.py")],
            env={
                "PATH": os.environ["PATH"],
                "OPENAI_BASE_URL": self.model.url,
                "OPENAI_API_KEY": "any",
                "OTEL_EXPORTER_OTLP_ENDPOINT": self.url,
                "OTEL_SERVICE_NAME": project,
                **settings,
            },
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert (done.returncode, done.stderr) == (0, "")
        return self.traces(project)

    def traces(self, project: str) -> tuple[Arrived, ...]:
        """All that arrived of a project."""
        rows = list_traces(self.database, TraceFilter(project=project)).rows
        return tuple(self._arrived(row.trace_id) for row in reversed(rows))

    def _arrived(self, trace_id: str) -> Arrived:
        trace = get_trace(self.database, trace_id)
        assert trace is not None
        return Arrived(database=self.database, trace=trace, spans=spans(self.database, trace_id))


@contextmanager
def applications(database: Database, directory: Path) -> Iterator[Applications]:
    """The surroundings of instrumented programs.

    Args:
        database: a migrated one.
        directory: an empty one, for the service's files.
    """
    port, grpc = str(free_port()), str(free_port())
    settings = {
        "DATABASE_URL": database._url.render_as_string(hide_password=False), "TRACEWHY_DATA_DIR": str(directory / "data"), "TRACEWHY_PRICES": PRICES,
        "TRACEWHY_EMBEDDED_MODEL": "false", "TRACEWHY_SERVICE_PORT": str(free_port()), "TRACEWHY_OTLP_PORT": port,
        "TRACEWHY_GRPC_PORT": grpc,
    }  # fmt: skip
    with language_model_serving() as model, service_process(settings, directory / "log") as service:
        eventually(service.answers, 60)
        yield Applications(
            database=database,
            model=model,
            url=f"http://127.0.0.1:{port}",
            grpc_url=f"http://127.0.0.1:{grpc}",
        )
