"""Pictures, sounds and documents that senders keep beside their spans, in which only a reference to them stands.

A file a medium, named by its content, and its record beside it. Bounded: what is too large is not kept, and when it is too
much in all, or too old, the oldest go.
"""

from __future__ import annotations

import hashlib
import logging
import re
from base64 import b64encode
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import orjson

from tracing_core.clock import Clock
from tracing_core.errors import InvalidInput
from tracing_core.whole_files import write_whole

logger = logging.getLogger(__name__)

LARGEST_BYTES = 20_000_000
"""Of one medium."""
_ID = re.compile(r"[A-Za-z0-9_-]{22}")
_TYPE = re.compile(r"[\w.+-]{1,50}/[\w.+-]{1,80}", re.ASCII)
_HASH = re.compile(r"[A-Za-z0-9+/]{43}=")


@dataclass(frozen=True, kw_only=True, slots=True)
class Medium:
    """What is known of one.

    Args:
        media_id: 22 characters of its hash.
        content_type: as its sender says.
        length: bytes.
        sha256: of its content, in base 64.
        uploaded_at: when it came; None when it has not.
    """

    media_id: str
    content_type: str
    length: int
    sha256: str
    uploaded_at: datetime | None = None


class Media:
    """The media in one directory.

    Args:
        directory: where they are; made when the first one is announced.
        most_bytes: of all of them; 0 keeps none.
        clock: for their age.
        kept: for how long; None for as long as there is room.
    """

    def __init__(self, directory: Path, most_bytes: int, clock: Clock, kept: timedelta | None = None) -> None:
        self._directory = directory
        self._most_bytes = most_bytes
        self._clock = clock
        self._kept = kept

    def announce(self, content_type: str, length: int, sha256: str) -> tuple[str, bool]:
        """Take up that a medium is to come; its id, and whether it is wanted: it is not there yet, and there is room.

        Raises:
            InvalidInput: a field does not fit.
            OSError: the disk is full or the directory cannot be written.
        """
        if not _TYPE.fullmatch(content_type):
            raise InvalidInput("contentType", "must be a media type such as image/png")
        if not _HASH.fullmatch(sha256):
            raise InvalidInput("sha256Hash", "must be a SHA-256 hash in base 64")
        if length < 1:
            raise InvalidInput("contentLength", "must be the number of bytes")
        media_id = sha256.replace("+", "-").replace("/", "_")[:22]
        if length > min(LARGEST_BYTES, self._most_bytes):
            logger.warning("a medium of %d bytes (%s) is not kept; its trace has its reference", length, content_type)
            return media_id, False
        if self._file(media_id).is_file():
            return media_id, False
        self._directory.mkdir(parents=True, exist_ok=True)
        record = Medium(media_id=media_id, content_type=content_type, length=length, sha256=sha256)
        write_whole(self._record(media_id), orjson.dumps(record))
        return media_id, True

    def put(self, media_id: str, content: bytes) -> None:
        """Keep a medium that was announced.

        Raises:
            InvalidInput: it was not, or this is not its content.
            OSError: the disk is full or the directory cannot be written.
        """
        found = self._read(media_id)
        if found is None:
            raise InvalidInput("id", "nobody announced a medium with this id; ask for a place for it first")
        if b64encode(hashlib.sha256(content).digest()).decode() != found.sha256:
            raise InvalidInput("body", "is not what was announced: its SHA-256 hash is another one")
        write_whole(self._file(media_id), content)
        self._make_room()

    def get(self, media_id: str) -> Medium | None:
        """What is known of a medium; None when it is not here."""
        found = self._read(media_id)
        try:
            came = self._file(media_id).stat().st_mtime if found is not None else None
        except FileNotFoundError:
            came = None
        if found is None or came is None:
            return None
        return Medium(
            media_id=media_id,
            content_type=found.content_type,
            length=found.length,
            sha256=found.sha256,
            uploaded_at=datetime.fromtimestamp(came, UTC),
        )

    def content(self, media_id: str) -> bytes | None:
        """The bytes of a medium; None when it is not here."""
        if not _ID.fullmatch(media_id):
            return None
        try:
            return self._file(media_id).read_bytes()
        except FileNotFoundError:
            return None

    def _make_room(self) -> None:
        """Remove what is too old, and the oldest as long as it is too much; their traces keep the references."""
        files = [(found.stat(), found) for found in self._directory.iterdir() if not found.name.startswith(".")]
        size = sum(about.st_size for about, _ in files)
        oldest = None if self._kept is None else (self._clock.now() - self._kept).timestamp()
        for about, path in sorted(files, key=lambda file: file[0].st_mtime):
            if size <= self._most_bytes and (oldest is None or about.st_mtime >= oldest):
                return
            with suppress(FileNotFoundError):  # another process makes room as well
                path.unlink()
            size -= about.st_size

    def _read(self, media_id: str) -> Medium | None:
        if not _ID.fullmatch(media_id):
            return None
        try:
            return Medium(**orjson.loads(self._record(media_id).read_bytes()))
        except (FileNotFoundError, ValueError, TypeError):
            return None

    def _file(self, media_id: str) -> Path:
        return self._directory / media_id

    def _record(self, media_id: str) -> Path:
        return self._directory / f"{media_id}.json"
