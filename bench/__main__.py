"""Measure, and print a table of figures beside their targets.

Without names: recording, writing and startup, which take a minute. `load` fills a database with a long history; it has
options of its own.
"""

from __future__ import annotations

import argparse
import os
import platform
import sys
from collections.abc import Callable, Iterator

from rich.console import Console
from rich.table import Table

from bench import alerts, explain, ingest, loader, memory, pages, reading, recording, startup, writing
from bench.measure import Figure
from bench.options import Options, add_to, chosen

PARTS: dict[str, Callable[[Options], Iterator[Figure]]] = {
    "recording": lambda _: recording.measure(),
    "writing": lambda _: writing.measure(),
    "startup": lambda _: startup.measure(),
    "ingest": ingest.measure,
    "memory": memory.measure,
    "explain": explain.measure,
    "alerts": alerts.measure,
    "pages": pages.measure,
}
QUICK = ("recording", "writing", "startup")
ALL = (*PARTS, "reading")


def main(arguments: list[str]) -> None:
    """Run the parts that were asked for, the quick ones otherwise."""
    if arguments[:1] == ["load"]:
        loader.main(arguments[1:])
        return
    parser = argparse.ArgumentParser(prog="python3 dev.py bench", description=__doc__)
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"one or more of {', '.join(ALL)}; or load")
    add_to(parser)
    parsed = parser.parse_args(arguments)
    if unknown := set(parsed.parts) - set(ALL):
        parser.error(f"there is no part {', '.join(sorted(unknown))}; there are {', '.join(ALL)}, and load")
    options = chosen(parsed)
    for part in parsed.parts or QUICK:
        if part == "reading":
            reading.run(options)
        else:
            _show(part, PARTS[part](options))


def _show(part: str, figures: Iterator[Figure]) -> None:
    title = f"{part}: Python {platform.python_version()}, {os.cpu_count()} cores"
    table = Table("What", "Measured", "Target", title=title)
    table.columns[1].justify = table.columns[2].justify = "right"
    for figure in figures:
        table.add_row(figure.what, figure.shown, figure.target)
    Console().print(table)


if __name__ == "__main__":
    main(sys.argv[1:])
