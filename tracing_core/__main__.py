"""Commands of the library; `python -m tracing_core --help` lists them."""

from __future__ import annotations

import argparse
import sys

from rich.console import Console
from rich.table import Column, Table

from tracing_core.alerts.commands import add_alert_commands
from tracing_core.calibration_commands import add_calibration_command
from tracing_core.clock import SystemClock
from tracing_core.command_options import add_project
from tracing_core.doctor_command import add_doctor_command
from tracing_core.errors import InvalidInput, TracewhyError
from tracing_core.explain_command import add_explain_command
from tracing_core.exporting import export_traces, since
from tracing_core.ids import check_project
from tracing_core.otlp.sending import Endpoint, headers_of
from tracing_core.price_commands import add_price_commands
from tracing_core.query.filters import TraceFilter
from tracing_core.query.traces import count_traces
from tracing_core.rebuild_command import add_rebuild_command
from tracing_core.removal import remove_project
from tracing_core.run_commands import add_run_commands
from tracing_core.settings import Settings, environment_name, read_settings
from tracing_core.spool_commands import add_spool_commands
from tracing_core.storage.migrate import downgrade, upgrade
from tracing_core.store import open_store
from tracing_core.upkeep_commands import add_upkeep_commands

_SECRET = frozenset(
    {"admin_token", "alert_destinations", "llm_api_key", "database_url", "export_headers", "files_options", "smtp_url"}
)

_MOST_COUNTED = 1_000_000


def main(arguments: list[str] | None = None) -> int:
    """Run one command; 0 when it succeeded, 1 with one line on stderr when not."""
    options = _parser().parse_args(arguments)
    try:
        options.run(options)
    except TracewhyError as error:
        Console(stderr=True, soft_wrap=True, highlight=False).print(str(error), markup=False)
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tracing_core", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    commands.add_parser("settings", help="print every setting, its value and its meaning").set_defaults(run=_settings)
    migrate = commands.add_parser("migrate", help="bring the database's schema up to date")
    migrate.add_argument("--down-to", metavar="REVISION", help="or back to a revision; base removes everything")
    migrate.set_defaults(run=_migrate)
    check = commands.add_parser("check-database", help="say whether the database answers")
    check.set_defaults(run=_check_database)
    remove = commands.add_parser("remove-project", help="remove a project: rows, rollups and files")
    remove.add_argument("project", metavar="PROJECT")
    remove.add_argument("--yes", action="store_true", help="really")
    remove.set_defaults(run=_remove_project)
    export = commands.add_parser("export", help="send stored traces to an OTLP receiver")
    export.add_argument("--endpoint", required=True, metavar="URL", help="such as http://collector:4318")
    export.add_argument("--headers", default="", help="name=value,name=value with values URL-encoded")
    add_project(export, "only traces of this project")
    export.add_argument("--since", metavar="TIME", help="only traces begun after it: 7d, 12h, 30m or ISO 8601")
    export.set_defaults(run=_export)
    add_upkeep_commands(commands)
    add_rebuild_command(commands)
    add_spool_commands(commands)
    add_doctor_command(commands)
    add_price_commands(commands)
    add_run_commands(commands)
    add_calibration_command(commands)
    add_alert_commands(commands)
    add_explain_command(commands)
    return parser


def _settings(_options: argparse.Namespace) -> None:
    values = read_settings()
    columns = (Column("Setting", no_wrap=True), Column("Value", overflow="fold"), Column("Meaning", overflow="fold"))
    table = Table(*columns, title="Settings, from the environment and .env")
    for field, about in Settings.model_fields.items():
        value = getattr(values, field)
        shown = "(set)" if field in _SECRET and value else "–" if value in (None, "", {}) else str(value)
        table.add_row(environment_name(field), shown, about.description)
    Console().print(table)


def _migrate(options: argparse.Namespace) -> None:
    store = open_store(read_settings())
    if options.down_to:
        downgrade(store.database, options.down_to)
    else:
        upgrade(store.database)
    Console().print(f"the schema is at {options.down_to or 'the newest revision'}")


def _check_database(_options: argparse.Namespace) -> None:
    store = open_store(read_settings())
    store.database.ping()
    Console().print(f"the database at {store.database.address} answers", soft_wrap=True)


def _remove_project(options: argparse.Namespace) -> None:
    store, project = open_store(read_settings()), check_project(options.project)
    if not options.yes:
        stored = count_traces(store.database, TraceFilter(project=project), at_most=_MOST_COUNTED)
        number = f"{stored.count:,}" if stored.exact else f"more than {stored.count:,}"
        raise InvalidInput(
            "remove-project", f"removes {number} traces of {project} for good, with their files; add --yes"
        )
    Console().print(f"removed {remove_project(store, project)} traces of project {project}")


def _export(options: argparse.Namespace) -> None:
    clock = SystemClock()
    endpoint = Endpoint(options.endpoint, headers_of(options.headers), clock)
    start = since(options.since, clock) if options.since else None
    store = open_store(read_settings())
    endpoint.knock()
    done = export_traces(store.database, TraceFilter(project=options.project, start=start), endpoint, clock)
    Console().print(f"{done.sent} of {done.found} traces were taken by {endpoint.url}", soft_wrap=True, highlight=False)
    if done.sent < done.found:
        raise TracewhyError(f"{done.found - done.sent} traces were not taken; the lines export of the ledger say why")


if __name__ == "__main__":
    sys.exit(main())
