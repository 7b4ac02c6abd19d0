"""`python -m examples.demo [--traces N] [--runs N] [--days D] [--seed S] [--remove]`: fill the demo's projects, or empty them."""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import Progress

from assistant.demo.filling import fill, positive, remove
from assistant.demo.history import PROJECT
from examples.research import history
from tracing_core.errors import TracewhyError


def main() -> int:
    """Do what the command line says; 0 when it worked."""
    options = _parser().parse_args()
    console = Console(soft_wrap=True, highlight=False)
    try:
        if options.remove:
            remove((PROJECT, history.PROJECT), console)
        else:
            fill(options.traces, options.days, options.seed, console)
            _research(options, console)
    except (TracewhyError, OSError) as error:
        Console(stderr=True, soft_wrap=True, highlight=False).print(str(error), markup=False)
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python3 dev.py demo", description=__doc__)
    parser.add_argument("--traces", type=positive, default=1500, help="questions to the assistant (default 1500)")
    parser.add_argument("--runs", type=positive, default=200, help="runs of the research pipeline (default 200)")
    parser.add_argument("--days", type=positive, default=14, help="days that they are spread over (default 14)")
    parser.add_argument("--seed", type=int, default=7, help="another seed, another history")
    projects = f"{PROJECT} and {history.PROJECT}"
    parser.add_argument("--remove", action="store_true", help=f"remove all that is in the projects {projects} instead")
    return parser


def _research(options: argparse.Namespace, console: Console) -> None:
    with _without_alerts(), Progress(console=console) as progress:
        task = progress.add_task(f"researching {options.runs:,} questions", total=options.runs)
        rated = history.record_history(
            runs=options.runs,
            days=options.days,
            seed=options.seed,
            progress=lambda done: progress.update(task, completed=done),
        )
    console.print(
        f"project {history.PROJECT}: {options.runs:,} runs over {options.days} days, {rated:,} of their reports rated"
    )


@contextmanager
def _without_alerts() -> Iterator[None]:
    """Those of two weeks within a minute are no news; they are on the pages, and in the file of the project."""
    told = logging.getLogger("tracing_core.calibration_flags")
    before = told.level
    told.setLevel(logging.ERROR)
    try:
        yield
    finally:
        told.setLevel(before)


if __name__ == "__main__":
    sys.exit(main())
