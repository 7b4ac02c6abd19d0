"""The command `rebuild`: the database again, from the files."""

from __future__ import annotations

import argparse

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from tracing_core.clock import SystemClock
from tracing_core.command_options import add_project
from tracing_core.errors import SettingsError, StorageError
from tracing_core.rebuild import Rebuild, Tally
from tracing_core.settings import Settings, read_settings
from tracing_core.store import Store, open_store

_NAMED = 50
"""Files that could not be used are named up to this number."""


def add_rebuild_command(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add it to the commands of `python -m tracing_core`."""
    rebuild = commands.add_parser("rebuild", help="make the database again from the files of traces and ratings")
    add_project(rebuild, "only this project")
    rebuild.add_argument("--into", metavar="URL", help="the database to fill; DATABASE_URL unless given")
    rebuild.set_defaults(run=_rebuild)


def _rebuild(options: argparse.Namespace) -> None:
    settings = read_settings(**({"database_url": options.into} if options.into else {}))
    store = _opened(settings, options.into)
    console = Console(soft_wrap=True, highlight=False)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    try:
        with Progress(*columns, console=console) as progress:
            task = progress.add_task("traces")

            def report(tally: Tally) -> None:
                progress.update(task, total=tally.files, completed=tally.done)

            tally = Rebuild(settings, store.database, SystemClock(), report).run(options.project)
    except StorageError as error:
        raise StorageError(f"{error}; run the command again to go on from there") from error
    finally:
        store.close()
    _print(console, tally)


def _opened(settings: Settings, into: str | None) -> Store:
    try:
        return open_store(settings)
    except SettingsError as error:
        if into is None:
            raise
        raise SettingsError(str(error).replace("DATABASE_URL:", "--into:", 1)) from error


def _print(console: Console, tally: Tally) -> None:
    skipped = f", {tally.skipped} done by an earlier run" if tally.skipped else ""
    console.print(
        f"{tally.files} files: {tally.read} read, {tally.stored} stored, {tally.there} already there{skipped}, "
        f"{len(tally.unreadable)} unreadable; {tally.ratings} ratings stored, {tally.alerts} alerts stored"
    )
    for each in tally.unreadable[:_NAMED]:
        console.print(f"{each.path}: {each.reason}", markup=False)
    if len(tally.unreadable) > _NAMED:
        console.print(f"and {len(tally.unreadable) - _NAMED} more, which the log names")
    if tally.unreadable:
        raise StorageError(f"{len(tally.unreadable)} unreadable: mend or remove what is named above, and run it again")
