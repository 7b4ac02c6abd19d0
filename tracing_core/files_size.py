"""How much room the files of traces take, without looking at each of very many."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice

from tracing_core.places import Place

MOST_COUNTED = 200_000
MOST_MEASURED = 1_000
"""Files whose size is asked for; the others are taken to be like them."""


@dataclass(frozen=True, kw_only=True, slots=True)
class FilesSize:
    """Files and their bytes; `exact` is False where there are more, or where the bytes are reckoned from some of them.

    `problem` says why nothing is known, where the place did not answer.
    """

    files: int
    bytes: int
    exact: bool
    problem: str | None = None


def files_size(place: Place) -> FilesSize:
    """The trace files of all projects in a place."""
    count = measured = size = 0
    try:
        for size_of in islice(_sizes(place), MOST_COUNTED):
            count += 1
            if measured < MOST_MEASURED or count % (MOST_COUNTED // MOST_MEASURED) == 0:
                try:
                    size += size_of()
                except OSError:  # removed meanwhile
                    continue
                measured += 1
    except OSError as error:
        return FilesSize(files=0, bytes=0, exact=False, problem=str(error))
    exact = measured == count < MOST_COUNTED
    return FilesSize(files=count, bytes=size if exact else round(size / max(measured, 1) * count), exact=exact)


def _sizes(place: Place) -> Iterator[Callable[[], int]]:
    for project in place.projects():
        try:
            yield from (size for name, size in place.listed(f"{project}/_traces") if name.endswith(".json"))
        except (TimeoutError, ConnectionError):
            raise
        except OSError:  # removed meanwhile, or no directory
            continue
