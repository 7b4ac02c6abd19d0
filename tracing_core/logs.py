"""The id of the current trace on every log record (A2)."""

from __future__ import annotations

import logging

from tracing_core.recording import current

FORMAT = "%(asctime)s %(levelname)-7s %(name)s [%(trace_id)s] %(message)s"


class TraceIdFilter(logging.Filter):
    """Gives each record `trace_id` and `span_id`; a dash where there is no trace."""

    def filter(self, record: logging.LogRecord) -> bool:
        span = current.get()
        record.trace_id = span.trace.trace_id if span else "-"
        record.span_id = span.span_id if span else "-"
        return True


def log_to_stderr(level: str = "INFO") -> None:
    """Print log records of this level and above, each with the id of its trace."""
    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter(FORMAT))
    handler.addFilter(TraceIdFilter())
    logging.basicConfig(level=level, handlers=[handler], force=True)
    for talkative in ("alembic", "httpx"):
        logging.getLogger(talkative).setLevel(logging.WARNING)
