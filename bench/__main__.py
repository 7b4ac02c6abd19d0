"""`python -m bench [recording] [writing] [startup]`: measure, and print a table of figures beside their targets."""

from __future__ import annotations

import argparse
import os
import platform

from rich.console import Console
from rich.table import Table

from bench import recording, startup, writing

PARTS = {"recording": recording.measure, "writing": writing.measure, "startup": startup.measure}


def main() -> None:
    """Run the parts that were asked for, all of them otherwise."""
    parser = argparse.ArgumentParser(prog="python3 dev.py bench", description=__doc__)
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"one or more of {', '.join(PARTS)}")
    chosen = parser.parse_args().parts or list(PARTS)
    if unknown := set(chosen) - set(PARTS):
        parser.error(f"there is no part {', '.join(sorted(unknown))}; there are {', '.join(PARTS)}")
    title = f"Python {platform.python_version()}, {os.cpu_count()} cores"
    table = Table("What", "Measured", "Target", title=title)
    table.columns[1].justify = table.columns[2].justify = "right"
    for part in chosen:
        for figure in PARTS[part]():
            table.add_row(figure.what, figure.shown, figure.target)
    Console().print(table)


if __name__ == "__main__":
    main()
