"""Fills the project `demo` with a history of questions to the assistant, and empties projects."""

from __future__ import annotations

import argparse
import random
from collections.abc import Iterable
from datetime import timedelta

from rich.console import Console
from rich.progress import Progress

from assistant.assistant import Assistant
from assistant.demo.clock import JumpingClock
from assistant.demo.copies import SLOW_LIBRARY, in_copies, yesterday
from assistant.demo.history import PROJECT, record_history
from assistant.demo.models import PretendedModels
from assistant.demo.questions import Course, visits
from tracing_core.clock import SystemClock
from tracing_core.removal import remove_project
from tracing_core.settings import read_settings
from tracing_core.storage.migrate import upgrade
from tracing_core.store import init, open_store

_COURSE = timedelta(hours=8)


def positive(text: str) -> int:
    """A whole number from 1 on, as an argument."""
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("must be at least 1")
    return number


def fill(traces: int, days: int, seed: int, console: Console) -> None:
    """Record `traces` questions to the assistant over the `days` until now.

    Args:
        seed: another one, another history.
    """
    source = random.Random(seed)  # noqa: S311 - a history that can be told again
    now = SystemClock().now()
    clock = JumpingClock(now - timedelta(days=days))
    settings = read_settings()
    remaking = yesterday(now)
    store = init(clock=clock)
    assistant = Assistant(
        settings,
        models=lambda embedder: PretendedModels(embedder, clock, source),
        searched=in_copies(clock, source, remaking),
    )
    with console.status("getting the search index ready"):
        documents = assistant.documents()
    course = Course(library=SLOW_LIBRARY, start=remaking.start, end=remaking.start + _COURSE)
    history = visits(source, documents, count=traces, days=days, until=now, course=course)
    with Progress(console=console) as progress:
        task = progress.add_task(f"recording {len(history):,} questions", total=len(history))
        rated = record_history(
            history, assistant, store, clock, source, lambda done: progress.update(task, completed=done)
        )
    store.close()
    assistant.close()
    console.print(f"project {PROJECT}: {len(history):,} traces over {days} days, {rated:,} of them rated")


def remove(projects: Iterable[str], console: Console) -> None:
    """Remove all that is in `projects`."""
    store = open_store(read_settings())
    upgrade(store.database)  # there may be nothing at all yet
    for project in projects:
        console.print(f"removed the {remove_project(store, project):,} traces of project {project}")
    store.close()
