"""The commands about alert rules: `alerts list`, `check`, `dry-run`, `test`, `import`, `export`, `suggest`, `send-again`."""

from __future__ import annotations

import argparse
import getpass
import json
import sys
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Column, Table

from tracing_core.alerts.desk import AlertDesk
from tracing_core.alerts.evaluation import window_end
from tracing_core.alerts.measure import ABOUT
from tracing_core.alerts.rule import AlertRule
from tracing_core.alerts.rule_document import rule_of
from tracing_core.alerts.sending import Fate
from tracing_core.alerts.state import verdict_of
from tracing_core.alerts.templates import TEMPLATES
from tracing_core.alerts.words import amount, condition
from tracing_core.clock import SystemClock
from tracing_core.command_options import add_project
from tracing_core.errors import InvalidInput, TracewhyError
from tracing_core.exporting import since
from tracing_core.ids import IdSource
from tracing_core.query.alert_rules import RuleRow, alert_rule_rows, destination_health
from tracing_core.query.alert_values import samples
from tracing_core.rollups import bucket_start
from tracing_core.settings import read_settings
from tracing_core.store import open_store


def add_alert_commands(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add them to a parser."""
    about = "alert rules: what they watch, what they would have done, where they are told"
    verbs = commands.add_parser("alerts", help=about).add_subparsers(required=True, metavar="VERB")
    verbs.add_parser("list", help="every rule with its state, and every destination").set_defaults(run=_list)
    verbs.add_parser("check", help="the number of every rule now; nothing is entered or sent").set_defaults(run=_check)
    dry = verbs.add_parser("dry-run", help="how often a rule would have fired")
    dry.add_argument("rule", help="its name or id, or a JSON file with one")
    dry.add_argument("--since", default="7d", metavar="TIME", help="from when: 7d, 12h, 30m or ISO 8601; 7d without it")
    dry.set_defaults(run=_dry_run)
    test = verbs.add_parser("test", help="send a message to try a destination")
    test.add_argument("destination")
    test.set_defaults(run=_test)
    put = verbs.add_parser("import", help="make or replace rules, by name, as a JSON file lists them")
    put.add_argument("file", type=Path)
    put.set_defaults(run=_import)
    verbs.add_parser("export", help="print all rules as such a file").set_defaults(run=_export)
    suggest = verbs.add_parser("suggest", help="list rules to begin with, or make one of them")
    suggest.add_argument("name", nargs="?", choices=sorted(TEMPLATES))
    suggest.add_argument("--to", action="append", default=[], metavar="DESTINATION", help="tell this destination")
    add_project(suggest, "watch only this project")
    suggest.set_defaults(run=_suggest)
    again = verbs.add_parser("send-again", help="send an event once more to where it failed, or perhaps did not arrive")
    again.add_argument("event_id")
    again.add_argument("destination")
    again.set_defaults(run=_send_again)


def _desk() -> AlertDesk:
    settings = read_settings()
    return AlertDesk(database=open_store(settings).database, settings=settings, clock=SystemClock(), ids=IdSource())


def _console() -> Console:
    return Console(soft_wrap=True, highlight=False, markup=False)


def _table(*titles: str) -> Table:
    """Whose cells are broken where they are too long, never cut: an id that is cut cannot be used."""
    return Table(*(Column(title, overflow="fold") for title in titles))


def _list(_options: argparse.Namespace) -> None:
    desk = _desk()
    table = _table("Rule", "Id", "State", "Since", "Number", "Condition", "Told")
    for row in alert_rule_rows(desk.database):
        state = row.state
        shown = "–" if state is None or row.rule is None else amount(state.sample.value, ABOUT[row.rule.measure].unit)
        said = condition(row.rule) if row.rule is not None else f"cannot be read: {row.problem}"
        name = ("not looked at yet" if state is None else state.name.value) if row.enabled else "off"
        since_when = "" if state is None else f"{state.since:%m-%d %H:%M}"
        told = ", ".join(row.rule.destinations) if row.rule is not None else ""
        table.add_row(row.name, row.rule_id, name, since_when, shown, said, told)
    _console().print(table)
    places = _table("Sent to", "Where", "Arrived", "Waiting", "Failed", "Unknown", "Last error")
    for each in destination_health(desk.database, desk.settings.alert_destinations):
        counts = (str(number) for number in (each.delivered, each.waiting, each.failed, each.unknown))
        where = each.shown if each.kind in (None, "log") else f"{each.kind} {each.shown}"
        places.add_row(each.name, where, *counts, each.last_error or "")
    _console().print(places)


def _check(_options: argparse.Namespace) -> None:
    desk = _desk()
    now = desk.clock.now()
    rows = [(row, row.rule) for row in alert_rule_rows(desk.database) if row.enabled and row.rule is not None]
    end = window_end(bucket_start(now, "minute"), timedelta(seconds=desk.settings.alert_delay_seconds))
    table = _table("Rule", "Number", "Of", "Last week", "Verdict", "Condition")
    found = samples(desk.database, [rule for _, rule in rows], end, now)
    for (row, rule), sample in zip(rows, found, strict=True):
        unit = ABOUT[rule.measure].unit
        verdict = verdict_of(rule, sample).value
        before = amount(sample.last_week, unit)
        table.add_row(row.name, amount(sample.value, unit), f"{sample.count:,.0f}", before, verdict, condition(rule))
    _console().print(table)


def _dry_run(options: argparse.Namespace) -> None:
    desk = _desk()
    rule = _named(desk, options.rule)
    done = desk.dry_run(rule, since(options.since, desk.clock), desk.clock.now())
    console = _console()
    console.print(f"{rule.name}: {condition(rule)}")
    console.print(f"from {done.start:%Y-%m-%d %H:%M} to {done.end:%Y-%m-%d %H:%M} UTC it {done.said}")
    for each in done.episodes:
        over = "still firing at the end" if each.recovered_at is None else f"recovered {each.recovered_at:%m-%d %H:%M}"
        silent = ", in a silence" if each.silent else ""
        value = amount(each.value, ABOUT[rule.measure].unit)
        console.print(f"  fired {each.fired_at:%m-%d %H:%M} at {value}, {over}{silent}")


def _named(desk: AlertDesk, name: str) -> AlertRule:
    """The rule of that name or id, or in that file."""
    for row in alert_rule_rows(desk.database):
        if name in (row.name, row.rule_id) and row.rule is not None:
            return row.rule
    if not Path(name).is_file():
        raise InvalidInput("rule", f"{name} is neither the name or id of a rule nor a file; see alerts list")
    return rule_of(_read(Path(name)))


def _read(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InvalidInput("file", f"{path} cannot be read as JSON ({error})") from error


def _test(options: argparse.Namespace) -> None:
    attempt = _desk().test(options.destination)
    if attempt.fate is not Fate.DELIVERED:
        raise TracewhyError(f"{options.destination}: {attempt.said}")
    _console().print(f"{options.destination} took the message" + (f", but {attempt.said}" if attempt.said else ""))


def _import(options: argparse.Namespace) -> None:
    desk, given = _desk(), _read(options.file)
    documents = given.get("rules") if isinstance(given, dict) else given
    if not isinstance(documents, list):
        raise InvalidInput("file", 'has no list of rules; write {"rules": [...]}, as alerts export does')
    rules = [(rule_of(_rule_alone(each)), each.get("enabled", True) is not False) for each in documents]
    known: dict[str, RuleRow] = {row.name: row for row in alert_rule_rows(desk.database)}
    if twice := [rule.name for rule, _ in rules if sum(other.name == rule.name for other, _ in rules) > 1]:
        raise InvalidInput("name", f"{twice[0]!r} is there twice; a file names each rule once")
    for rule, enabled in rules:
        _warn(desk, rule)
        if (row := known.get(rule.name)) is None:
            desk.create(rule, by=_person(), enabled=enabled)
            continue
        desk.update(row.rule_id, rule, by=_person())
        if row.enabled != enabled:
            desk.enable(row.rule_id, enabled, by=_person())
    made = sum(rule.name not in known for rule, _ in rules)
    _console().print(f"{made} {'rule' if made == 1 else 'rules'} made, {len(rules) - made} replaced")


def _rule_alone(document: Any) -> Any:
    return {k: v for k, v in document.items() if k != "enabled"} if isinstance(document, dict) else document


def _export(_options: argparse.Namespace) -> None:
    rows = alert_rule_rows(_desk().database)
    rules = [{**row.rule.document(), "enabled": row.enabled} for row in rows if row.rule is not None]
    sys.stdout.write(json.dumps({"rules": rules}, indent=2, ensure_ascii=False) + "\n")


def _suggest(options: argparse.Namespace) -> None:
    if options.name is None:
        for name, rule in TEMPLATES.items():
            _console().print(f"{name}: {condition(rule)}")
        return
    rule = replace(TEMPLATES[options.name], destinations=tuple(options.to), project=options.project)
    desk = _desk()
    _warn(desk, rule)
    _console().print(f"made {desk.create(rule, by=_person())}: {condition(rule)}")


def _warn(desk: AlertDesk, rule: AlertRule) -> None:
    """Say which destinations are not set here; the service may have other settings than the command line."""
    for name in desk.unknown(rule):
        _console().print(
            f"{rule.name}: {name} is not in TRACEWHY_ALERT_DESTINATIONS here; nothing arrives there as long"
        )


def _send_again(options: argparse.Namespace) -> None:
    _desk().send_again(options.event_id, options.destination)
    _console().print("it is sent again by the service, within seconds")


def _person() -> str:
    try:
        return getpass.getuser()
    except OSError:  # a user without a name
        return "the command line"
