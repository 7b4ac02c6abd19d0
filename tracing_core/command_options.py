"""Options that several commands have: days, and a project."""

from __future__ import annotations

import argparse
from datetime import UTC, date, datetime, time, timedelta

from tracing_core.errors import InvalidInput
from tracing_core.ids import check_project


def add_days(parser: argparse.ArgumentParser) -> None:
    """Add `--since` and `--until`: days in UTC, both included."""
    for option, meaning in (("--since", "first day"), ("--until", "last day")):
        parser.add_argument(option, type=_day, metavar="DAY", help=f"{meaning}, such as 2026-11-21, in UTC")


def add_project(parser: argparse.ArgumentParser, about: str = "only of this project") -> None:
    """Add `--project`; `about` says what it changes."""
    parser.add_argument("--project", type=_project, help=about)


def chosen_days(options: argparse.Namespace) -> tuple[date | None, date | None]:
    """First and last day that were asked for; None where nothing was said.

    Raises:
        InvalidInput: the last lies before the first.
    """
    since, until = options.since, options.until
    if since is not None and until is not None and until < since:
        raise InvalidInput("--until", f"lies before --since; give {since} or a later day")
    return since, until


def chosen_range(options: argparse.Namespace) -> tuple[datetime | None, datetime | None]:
    """The first moment of these days, and the first one after them.

    Raises:
        InvalidInput: the last lies before the first.
    """
    since, until = chosen_days(options)
    return _start(since), None if until is None else _start(until + timedelta(days=1))


def _start(day: date | None) -> datetime | None:
    return None if day is None else datetime.combine(day, time(), UTC)


def _day(given: str) -> date:
    try:
        return date.fromisoformat(given)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"is {given}; give a day such as 2026-11-21") from error


def _project(given: str) -> str:
    try:
        return check_project(given)
    except InvalidInput as error:
        raise argparse.ArgumentTypeError(f"is {given}; a project {error.problem}") from error
