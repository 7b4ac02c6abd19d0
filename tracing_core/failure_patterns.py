"""Failures that are alike: the same error of the same stage, whatever numbers, ids and names its message holds. Pure."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from tracing_core.rollups import operation_name

_LONGEST = 160
_MOST_TRACES = 50
_TYPE = re.compile(
    r"\s*((?:[A-Za-z_]\w*\.)*[A-Z]\w*(?:Error|Exception|Warning|Timeout|Interrupt|Exit|Unavailable|Refused)?)\s*(?::|\(|$)"
)
_SUFFIXES = (
    "Error",
    "Exception",
    "Warning",
    "Timeout",
    "Interrupt",
    "Exit",
    "Unavailable",
    "Refused",
    "Fault",
    "Failure",
)
_VARYING = (
    (re.compile(r"https?://\S+"), "<url>"),
    (re.compile(r"\b[\w.+-]+@[\w-]+\.[\w.]+\b"), "<address>"),
    (re.compile(r"\b[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}\b"), "<id>"),
    (re.compile(r"\"[^\"]{1,200}\"|'[^']{1,200}'|`[^`]{1,200}`|“[^”]{1,200}”"), "<…>"),
    (re.compile(r"(?<![\w.])(?:/[\w.@-]+){2,}"), "<path>"),
    (re.compile(r"\b0x[0-9a-fA-F]+\b"), "<id>"),
    (re.compile(r"(?<![\w<-])(?=[\w-]*\d)(?=[\w-]*[a-zA-Z])\w[\w-]*(?:\.\w[\w-]*)*"), "<name>"),
    (re.compile(r"(?<!\w)[-+]?\d+(?:[.,:]\d+)*(?!\w)"), "<n>"),
)
"""What differs between two messages of the same error, and what is written instead; the order matters."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Failure:
    """Something that failed.

    Args:
        stage: the name of the span; empty for a whole trace.
        error: what was said.
        recovered: whether the trace was completed all the same.
        weight: for how many it stands.
    """

    trace_id: str
    stage: str
    error: str
    failed_at: datetime
    recovered: bool
    weight: float


@dataclass(frozen=True, kw_only=True, slots=True)
class FailurePattern:
    """Failures of one stage that are alike.

    Args:
        error_type: the kind of the exception; empty when the message names none.
        message: with what varies replaced by what it is.
        count: of failures, those included that the seen ones stand for.
        recovered: the share of them, 0 to 1, after which the trace was completed all the same.
        before: how many there were in the period before; None where there is none.
        is_new: whether there was none in the period before.
        times: when each that was looked at happened, with its weight.
        trace_ids: some of the traces, the newest first.
        example: the newest message as it came.
    """

    stage: str
    error_type: str
    message: str
    count: float
    recovered: float
    first_seen: datetime
    last_seen: datetime
    before: float | None
    times: tuple[tuple[datetime, float], ...]
    trace_ids: tuple[str, ...]
    example: str

    @property
    def is_new(self) -> bool:
        """Whether it came for the first time, as far as the period before tells."""
        return self.before == 0

    @property
    def name(self) -> str:
        """Its error in one line."""
        return (
            f"{self.error_type}: {self.message}"
            if self.error_type and self.message
            else self.error_type or self.message
        )


def failure_patterns(
    failures: Sequence[Failure], before: Sequence[Failure] | None = None
) -> tuple[FailurePattern, ...]:
    """Failures put together by stage, type and message, the most frequent first.

    Args:
        failures: of a period.
        before: of the period before it; None where there is none.
    """
    earlier: Counter[tuple[str, str, str]] = Counter()
    for each in before or ():
        earlier[_key(each)] += each.weight  # type: ignore[assignment]  # weights need not be whole
    alike: dict[tuple[str, str, str], list[Failure]] = defaultdict(list)
    for each in failures:
        alike[_key(each)].append(each)
    found = [_pattern(key, some, None if before is None else float(earlier[key])) for key, some in alike.items()]
    return tuple(sorted(found, key=lambda each: (-each.count, each.stage, each.name)))


def normalised(error: str) -> tuple[str, str]:
    """The type of the exception that a message names, and the rest without what varies.

    Args:
        error: what a span or a trace says went wrong.
    """
    line = " ".join(error.split())
    found = _TYPE.match(line)
    name = found.group(1) if found else ""
    if found and (name.endswith(_SUFFIXES) or line[found.end(1) :].lstrip()[:1] == ":") and " " not in name:
        rest = line[found.end(1) :].lstrip(" :")
        return name.rpartition(".")[2], _without_varying(rest)
    return "", _without_varying(line)


def _without_varying(message: str) -> str:
    for pattern, word in _VARYING:
        message = pattern.sub(word, message)
    return message if len(message) <= _LONGEST else f"{message[: _LONGEST - 1]}…"


def _key(failure: Failure) -> tuple[str, str, str]:
    return operation_name(failure.stage), *normalised(failure.error)


def _pattern(key: tuple[str, str, str], some: Sequence[Failure], before: float | None) -> FailurePattern:
    newest = sorted(some, key=lambda each: (each.failed_at, each.trace_id), reverse=True)
    count = sum(each.weight for each in some)
    return FailurePattern(
        stage=key[0],
        error_type=key[1],
        message=key[2],
        count=count,
        recovered=sum(each.weight for each in some if each.recovered) / count,
        first_seen=newest[-1].failed_at,
        last_seen=newest[0].failed_at,
        before=before,
        times=tuple((each.failed_at, each.weight) for each in newest),
        trace_ids=tuple(dict.fromkeys(each.trace_id for each in newest))[:_MOST_TRACES],
        example=newest[0].error[:500],
    )
