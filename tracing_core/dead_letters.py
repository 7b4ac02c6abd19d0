"""Why the database refused traces: the letters in the spool by their reason, for those who look at the whole."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import orjson

from tracing_core.spool import Spool

REPLAY = ".venv/bin/python -m tracing_core spool replay --all"
MOST_READ = 500
"""Files that are read to know the reasons; the newest ones."""
_UNREADABLE = "the file cannot be read"


@dataclass(frozen=True, kw_only=True, slots=True)
class DeadReason:
    """A reason, how many traces were refused for it, when the newest was, and its file's name, which begins with its id."""

    reason: str
    count: int
    newest: datetime
    letter: str


def dead_reasons(spool: Spool, most: int = MOST_READ) -> tuple[DeadReason, ...]:
    """Why traces were refused, the most frequent reason first; at most so many files are read, the newest."""
    counts: Counter[str] = Counter()
    newest: dict[str, tuple[datetime, str]] = {}
    for path in list(reversed(spool.dead()))[:most]:
        try:
            buried_at = datetime.fromtimestamp(path.stat().st_mtime, UTC)
            reason = _reason(path)
        except OSError:  # somebody has just given it back
            continue
        counts[reason] += 1
        newest.setdefault(reason, (buried_at, path.stem))
    return tuple(
        DeadReason(reason=reason, count=count, newest=newest[reason][0], letter=newest[reason][1])
        for reason, count in counts.most_common()
    )


def _reason(path: Path) -> str:
    try:
        said = orjson.loads(path.read_bytes())
    except orjson.JSONDecodeError:
        return _UNREADABLE
    return str(said["reason"]) if isinstance(said, dict) and "reason" in said else _UNREADABLE
