"""The command `calibrate`: what a run says of itself, edited and confirmed by a person; and all such records as lines of JSON."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import click
import yaml
from rich.console import Console

from tracing_core.calibration_fields import EDITABLE, TEXTS
from tracing_core.calibration_records import Document, differences, edited, export_records, pull, save
from tracing_core.clock import SystemClock
from tracing_core.command_options import add_project
from tracing_core.errors import InvalidInput, StorageError, TracewhyError
from tracing_core.ids import IdSource
from tracing_core.settings import read_settings
from tracing_core.storage.migrate import upgrade
from tracing_core.store import Store, open_store

_TOP = """\
# What trace {} says of itself. Mend what is wrong, save and close; an empty file keeps nothing.
# What is not here was measured and stays as it is.
"""


def add_calibration_command(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add it to a parser."""
    command = commands.add_parser("calibrate", help="confirm what a run says of itself, or export what was confirmed")
    what = command.add_mutually_exclusive_group(required=True)
    what.add_argument("trace_id", nargs="?", metavar="TRACE_ID", help="the run; without --by its record is only shown")
    what.add_argument("--export", metavar="FILE", help="write all records as lines of JSON; - for standard output")
    add_project(command, "with --export: only of this project")
    command.add_argument("--by", metavar="NAME", help="who confirms it")
    command.add_argument("--set", action="append", default=[], metavar="FIELD=VALUE", dest="changes", help=_set_help())
    command.add_argument("--edit", action="store_true", help="edit it in $EDITOR, as YAML")
    command.add_argument("--notes", default="", help="what else is to be known")
    command.add_argument("--yes", action="store_true", help="keep it without asking")
    command.set_defaults(run=_calibrate)


def _set_help() -> str:
    return f"mend a field, such as intent=validating or principle_scores.META-12=2; there are {', '.join(EDITABLE)}"


def _calibrate(options: argparse.Namespace) -> None:
    with closing(open_store(read_settings())) as store:
        upgrade(store.database)
        if options.export:
            _export(store, options)
        else:
            _confirm(store, options)


def _confirm(store: Store, options: argparse.Namespace) -> None:
    prefilled = pull(store.database, options.trace_id)
    document = edited(prefilled, changes_in(options.changes, prefilled))
    if options.edit:
        document = edited(prefilled, _by_hand(document))
    console = Console(soft_wrap=True, highlight=False)
    console.print(_as_yaml(document).rstrip(), markup=False)
    changed = ", ".join(differences(prefilled, document)) or "nothing"
    console.print(f"changed by hand: {changed}", markup=False)
    if options.by is None:
        if options.yes or options.notes:
            raise InvalidInput("by", "is missing; say who confirms this, with --by NAME")
        console.print("nothing was kept; confirm it with --by NAME")
        return
    if not options.yes and not _agreed(console):
        console.print("nothing was kept")
        return
    record = save(
        store.database,
        prefilled,
        document,
        notes=options.notes,
        confirmed_by=options.by,
        clock=SystemClock(),
        ids=IdSource(),
    )
    console.print(f"kept as {record.record_id}, confirmed by {record.confirmed_by}", markup=False)


def _agreed(console: Console) -> bool:
    try:
        return console.input("Is this right, and to be kept? (y/n) ").strip().lower() in ("y", "yes")
    except EOFError:  # nobody is there to ask
        console.print()
        return False


def changes_in(given: Sequence[str], prefilled: Mapping[str, Any]) -> Document:
    """What `--set` says, by field. Values are YAML, those of texts as they are; a part of a field is named after a dot.

    Raises:
        InvalidInput: it says nothing that can be used; names the field.
    """
    changes: Document = {}
    for each in given:
        name, is_set, text = each.partition("=")
        if not is_set:
            raise InvalidInput("set", f"is {each!r}; give FIELD=VALUE, such as intent=validating")
        field, _, part = name.strip().partition(".")
        value = text if field in TEXTS and text != "null" else _parsed(name, text)
        if part:
            before = changes.get(field, prefilled.get(field))
            if not isinstance(before, Mapping):
                raise InvalidInput(name, f"names a part of {field}, which has none; give {field}=VALUE")
            changes[field] = {**before, part: value}
        else:
            changes[field] = value
    return changes


def _by_hand(document: Document) -> Document:
    shown = _TOP.format(document["trace_id"]) + _as_yaml({name: document[name] for name in EDITABLE})
    try:
        text = click.edit(shown, extension=".yaml")
    except click.ClickException as error:
        raise TracewhyError(f"the editor did not end well: {error.message}; is EDITOR set?") from error
    if text is None:
        return document
    said = _parsed("the edited text", text)
    if not isinstance(said, dict):
        raise InvalidInput("the edited text", "is empty, or no mapping of fields; nothing was kept")
    return document | said


def _parsed(name: str, text: str) -> Any:
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise InvalidInput(name, f"is no YAML: {' '.join(str(error).split())}") from error


def _as_yaml(document: Mapping[str, Any]) -> str:
    return str(yaml.safe_dump(dict(document), sort_keys=False, allow_unicode=True, width=120))


def _export(store: Store, options: argparse.Namespace) -> None:
    lines = export_records(store.database, project=options.project)
    if options.export == "-":
        sys.stdout.writelines(lines)
        return
    try:
        with Path(options.export).open("w", encoding="utf-8") as file:
            count = sum(1 for line in lines if file.write(line))
    except OSError as error:
        raise StorageError(f"{options.export} cannot be written: {error}") from error
    Console(soft_wrap=True, highlight=False).print(f"{count} records are in {options.export}", markup=False)
