"""How much room the files of traces take, without looking at each of very many."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

MOST_COUNTED = 200_000
MOST_MEASURED = 1_000
"""Files whose size is asked for; the others are taken to be like them."""


@dataclass(frozen=True, kw_only=True, slots=True)
class FilesSize:
    """Files and their bytes; `exact` is False where there are more, or where the bytes are reckoned from some of them."""

    files: int
    bytes: int
    exact: bool


def files_size(projects: Path) -> FilesSize:
    """The trace files of all projects below this directory."""
    count = measured = size = 0
    for entry in islice(_files(projects), MOST_COUNTED):
        count += 1
        if measured < MOST_MEASURED or count % (MOST_COUNTED // MOST_MEASURED) == 0:
            try:
                size += entry.stat().st_size
            except OSError:  # removed meanwhile
                continue
            measured += 1
    exact = measured == count < MOST_COUNTED
    return FilesSize(files=count, bytes=size if exact else round(size / max(measured, 1) * count), exact=exact)


def _files(projects: Path) -> Iterator[os.DirEntry[str]]:
    try:
        folders = [Path(entry.path) / "_traces" for entry in os.scandir(projects) if entry.is_dir()]
    except OSError:
        return
    for folder in folders:
        try:
            yield from (entry for entry in os.scandir(folder) if entry.name.endswith(".json"))
        except OSError:
            continue
