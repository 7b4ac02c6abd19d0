"""What can be chosen about a measurement on the command line."""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.otlp_bodies import SPANS_PER_BODY


@dataclass(frozen=True, kw_only=True, slots=True)
class Options:
    """What was chosen; a part takes what concerns it.

    Args:
        seconds: length of one load of `ingest`.
        warm_seconds: what is sent before anything is timed.
        senders: requests under way at once; 0 for two a core.
        spans_per_body: spans in one request.
        pool: different traces that the client makes beforehand.
        rate: spans a second of `memory`.
        minutes: length of the load of `memory`.
        sizes: numbers of traces at which `reading` measures, on a database that it fills itself.
        runs: repetitions of each question of `reading`.
        data_dir, database_url: the database that `reading` measures as it is, instead of filling one.
    """

    seconds: float = 30.0
    warm_seconds: float = 5.0
    senders: int = 0
    spans_per_body: int = SPANS_PER_BODY
    pool: int = 3_000
    rate: float = 5_000.0
    minutes: float = 60.0
    sizes: tuple[int, ...] = (10_000, 100_000, 1_000_000)
    runs: int = 25
    data_dir: Path | None = None
    database_url: str | None = None

    @property
    def requests_at_once(self) -> int:
        """How many senders there are."""
        return self.senders or 2 * (os.cpu_count() or 2)


def add_to(parser: argparse.ArgumentParser) -> None:
    """Let `parser` understand these options."""
    usual = Options()
    parser.add_argument("--seconds", type=_more_than_zero, default=usual.seconds, help="ingest: length of a load (30)")
    parser.add_argument("--warm-seconds", type=_more_than_zero, default=usual.warm_seconds, help="before it (5)")
    parser.add_argument("--senders", type=int, default=usual.senders, help="requests at once (two a core)")
    parser.add_argument("--spans-per-body", type=int, default=usual.spans_per_body, help="spans in a request (512)")
    parser.add_argument("--pool", type=int, default=usual.pool, help="different traces made beforehand (3,000)")
    parser.add_argument("--rate", type=_more_than_zero, default=usual.rate, help="memory: spans a second (5,000)")
    parser.add_argument("--minutes", type=_more_than_zero, default=usual.minutes, help="memory: length (60)")
    parser.add_argument("--sizes", type=_sizes, default=usual.sizes, help="reading: 10000,100000,1000000")
    parser.add_argument("--runs", type=int, default=usual.runs, help="reading: repetitions of a question (25)")
    parser.add_argument("--data-dir", type=Path, help="reading: a data directory that is filled already")
    parser.add_argument("--database-url", help="reading: a database that is filled already")


def chosen(parsed: argparse.Namespace) -> Options:
    """The options in what a parser with `add_to` read."""
    return Options(**{name: getattr(parsed, name) for name in Options.__dataclass_fields__})


def _sizes(written: str) -> tuple[int, ...]:
    try:
        sizes = tuple(int(size.replace("_", "")) for size in written.split(","))
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{written} is no list of numbers; write 10000,100000") from error
    return _growing(sizes)


def _growing(sizes: Sequence[int]) -> tuple[int, ...]:
    if sorted(set(sizes)) != list(sizes) or sizes[0] < 1:
        raise argparse.ArgumentTypeError("sizes must grow, as the database grows from one to the next")
    return tuple(sizes)


def _more_than_zero(written: str) -> float:
    number = float(written)
    if not number > 0:
        raise argparse.ArgumentTypeError(f"{written} must be more than 0")
    return number
