"""Every error that Tracewhy raises on purpose.

    TracewhyError
    ├── SettingsError            a setting has a value that cannot be used
    ├── InvalidInput             something a caller sent does not fit; names the field and the fix
    │   └── BodyTooLarge         a request's body has more bytes than is allowed
    ├── TraceNotFound            no trace has this id
    ├── Overloaded               more arrives than can be stored; try again after a pause
    ├── Busy                     another process does the same at the moment
    └── StorageError             the store did not do what was asked
        ├── DatabaseUnavailable  PostgreSQL cannot be reached or went away; trying again may help
        │   └── Conflict         another transaction was in the way; trying again at once will most likely help
        └── DataRejected         PostgreSQL refused the data itself; trying again will not help

The docstring of a class is its message when it is raised without one.
"""

from __future__ import annotations

from typing import Self


class TracewhyError(Exception):
    """Tracewhy could not do what was asked."""

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message or (type(self).__doc__ or "").strip())


class SettingsError(TracewhyError):
    """A setting has a value that cannot be used."""


class InvalidInput(TracewhyError):
    """The input does not fit.

    Args:
        field: the name of the field that is wrong.
        problem: what is wrong with it and how to mend it, as half a sentence.
    """

    def __init__(self, field: str, problem: str) -> None:
        super().__init__(f"{field}: {problem}")
        self.field = field
        self.problem = problem

    def __reduce__(self) -> tuple[type[Self], tuple[object, ...]]:
        """So that it can be told to another process, which makes it anew."""
        return type(self), (self.field, self.problem)


class BodyTooLarge(InvalidInput):
    """The body of a request has more bytes than is allowed.

    Args:
        most_bytes: how many are allowed, as it came and unpacked.
    """

    def __init__(self, most_bytes: int) -> None:
        super().__init__(
            "body", f"has more than {most_bytes} bytes, as sent or unpacked; send fewer spans in one request"
        )
        self.most_bytes = most_bytes

    def __reduce__(self) -> tuple[type[Self], tuple[object, ...]]:
        return type(self), (self.most_bytes,)


class TraceNotFound(TracewhyError):
    """There is no trace with this id."""


class Overloaded(TracewhyError):
    """More arrives than can be stored; nothing of this was taken.

    Args:
        retry_after: seconds to wait before trying again.
    """

    def __init__(self, retry_after: float = 1.0) -> None:
        super().__init__(f"more arrives than can be stored; try again in {retry_after:g} s")
        self.retry_after = retry_after

    def __reduce__(self) -> tuple[type[Self], tuple[object, ...]]:
        return type(self), (self.retry_after,)


class Busy(TracewhyError):
    """Another process looks after this database at the moment; try again when it is done."""


class StorageError(TracewhyError):
    """The store did not do what was asked."""


class DatabaseUnavailable(StorageError):
    """The database cannot be reached; check that PostgreSQL runs and that DATABASE_URL is right."""


class Conflict(DatabaseUnavailable):
    """Another transaction was in the way; try again."""


class DataRejected(StorageError):
    """The database refused the data."""
