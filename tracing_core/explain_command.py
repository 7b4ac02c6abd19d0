"""The command `explain`: what sets slow, failed, badly rated or otherwise chosen traces apart from the rest."""

from __future__ import annotations

import argparse
import re
from contextlib import closing
from dataclasses import fields, replace
from datetime import timedelta
from typing import Any

from rich.console import Console, Group
from rich.markup import escape
from rich.table import Column, Table

from tracing_core.clock import SystemClock
from tracing_core.command_options import add_project
from tracing_core.errors import InvalidInput
from tracing_core.explain.result import COHORT_KINDS, Cohort, Explanation, Finding, Reference
from tracing_core.explain.sentences import amount, percent
from tracing_core.query.explain import explain
from tracing_core.query.filters import TraceFilter
from tracing_core.settings import read_settings
from tracing_core.store import open_store

_UNITS = {"m": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1)}
_RANGE = re.compile(r"([1-9][0-9]{0,5})([mhd])")
_BOOLEANS = {"true": True, "false": False}


def add_explain_command(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add it to a parser."""
    command = commands.add_parser("explain", help="say what sets slow, failed, badly rated or other traces apart")
    kinds = [kind for kind in COHORT_KINDS if kind not in ("box", "filter", "trace")]
    which = command.add_mutually_exclusive_group()
    which.add_argument("--cohort", choices=kinds, default="slow", help="which traces; slow by default")
    which.add_argument("--trace", metavar="ID", help="a single trace")
    which.add_argument(
        "--where", action="append", type=_condition, metavar="FIELD=VALUE",
        help="traces with this, such as library=pandas or min_duration_ms=3000; all of them where given several times",
    )  # fmt: skip
    command.add_argument(
        "--range", type=_length, default=timedelta(days=1), metavar="24h", help="of time, up to now: 30m, 24h, 7d"
    )
    add_project(command)
    command.add_argument("--before", action="store_true", help="against the same length of time before, not the rest")
    command.set_defaults(run=_explain)


def _length(given: str) -> timedelta:
    found = _RANGE.fullmatch(given)
    if found is None:
        raise argparse.ArgumentTypeError(f"is {given}; give a length of time such as 30m, 24h or 7d")
    return int(found[1]) * _UNITS[found[2]]


def _condition(given: str) -> tuple[str, Any]:
    name, separator, value = given.partition("=")
    types = {field.name: str(field.type) for field in fields(TraceFilter)}
    known = [each for each, kind in types.items() if kind.partition(" ")[0] in ("str", "int", "float", "bool")]
    if not separator or name not in known:
        raise argparse.ArgumentTypeError(f"is {given}; give FIELD=VALUE with one of {', '.join(known)}")
    try:
        kind = types[name].partition(" ")[0]
        return name, _BOOLEANS[value] if kind == "bool" else {"int": int, "float": float}.get(kind, str)(value)
    except (KeyError, ValueError):
        raise argparse.ArgumentTypeError(f"is {given}; {value} is no value of {name}") from None


def _explain(options: argparse.Namespace) -> None:
    now = SystemClock().now()
    chosen = TraceFilter(start=now - options.range, end=now, project=options.project)
    against = Reference()
    if options.before:
        against = Reference(period=replace(chosen, start=now - 2 * options.range, end=now - options.range))
    with closing(open_store(read_settings())) as store:
        found = explain(store.database, _cohort(options, chosen), against, now=now)
    Console(soft_wrap=True, highlight=False).print(shown(found))


def _cohort(options: argparse.Namespace, chosen: TraceFilter) -> Cohort:
    if options.trace:
        return Cohort(kind="trace", chosen=chosen, trace_id=options.trace)
    if options.where:
        asked = dict(options.where)
        if len(asked) < len(options.where):
            raise InvalidInput("where", "asks for two values of one field; give each field once")
        return Cohort(kind="filter", chosen=chosen, picks=TraceFilter(**asked))
    return Cohort(kind=options.cohort, chosen=chosen)


def shown(found: Explanation) -> Group:
    """An explanation for the terminal."""
    parts: list[Any] = [escape(_groups(found)), escape(found.sentence)]
    if found.findings:
        parts.append(_findings(found))
    if found.carriers:
        parts.append(_carriers(found))
    parts += [escape(note) for note in found.notes]
    return Group(*parts)


def _groups(found: Explanation) -> str:
    sizes = (f"{'' if group.exact else 'about '}{group.count:,}" for group in (found.these, found.others))
    return f"{found.described}: {' against '.join(sizes)} others; {found.looked_at:,} facts, {found.seconds:.1f} s"


def _findings(found: Explanation) -> Table:
    table = Table(Column("#", justify="right"), "", Column("What", overflow="fold"), Column("Effect", justify="right"),
                  Column("p", justify="right"), Column("Such a trace", overflow="fold"))  # fmt: skip
    for each in found.findings:
        table.add_row(str(each.rank), _role(each), escape(each.sentence), f"{each.effect:+.2f}", f"{each.p_value:.1g}",
                      escape(each.examples[0] if each.examples else "-"))  # fmt: skip
    return table


def _role(finding: Finding) -> str:
    if finding.role != "follows":
        return finding.role
    return "follows from what they are" if finding.of is None else f"follows from {finding.of}"


def _carriers(found: Explanation) -> Table:
    title = f"Where the {amount(found.extra_ms or 0.0, 'ms')} more went"
    right = (Column(name, justify="right") for name in ("These", "Others", "Share"))
    table = Table(Column("Stage", overflow="fold"), *right, title=title)
    for each in found.carriers:
        table.add_row(escape(each.stage), amount(each.these_ms, "ms"), amount(each.others_ms, "ms"),
                      percent(each.share) if each.share >= 0 else f"-{percent(-each.share)}")  # fmt: skip
    return table
