"""The index on disk, under `{data_dir}/index/`: built once per set of library versions, checked when it is read."""

from __future__ import annotations

import hashlib
import logging
import os
import shutil
import tempfile
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path

import bm25s
import numpy as np
import orjson

from assistant.corpus.chunks import Document
from assistant.corpus.collect import Progress, collect
from assistant.corpus.libraries import Library
from assistant.embedding import MODEL_NAME, Embedder
from assistant.search.index import SearchIndex, build_index

logger = logging.getLogger(__name__)

FORMAT = 2
"""Raised when what is stored, or how text is cut into words and pieces, changes."""
_MANIFEST = "manifest.json"


def open_index(folder: Path, libraries: Iterable[Library], embedder: Embedder, progress: Progress) -> SearchIndex:
    """The index of `libraries`: from `folder` when it is there and whole, else built and kept there.

    A disk that cannot be written costs the building at every start, nothing more.
    """
    known = tuple(libraries)
    place = folder / _key(known)
    progress("Loading the index", 0, 1)
    index = load(place)
    if index is None:
        index = build_index(collect(known, progress), embedder, progress)
        _keep(index, place)
    progress("Ready", 1, 1)
    return index


def load(place: Path) -> SearchIndex | None:
    """The index in `place`; None when there is none or when a byte of it is not as it was written."""
    try:
        manifest = orjson.loads((place / _MANIFEST).read_bytes())
        if manifest != _checksums(place):
            raise ValueError("the checksums differ")
        documents = tuple(Document(**fields) for fields in orjson.loads((place / "documents.json").read_bytes()))
        vectors = np.load(place / "vectors.npy")
        bm25 = bm25s.BM25.load(place / "words", show_progress=False)
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError, KeyError) as error:
        logger.warning("the search index is damaged and will be built again: %s", error)
        return None
    return SearchIndex(documents=documents, vectors=vectors, bm25=bm25)


def _keep(index: SearchIndex, place: Path) -> None:
    """Write the index under another name, then rename; older ones go."""
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        building = Path(tempfile.mkdtemp(prefix=".building-", dir=place.parent))
        try:
            _write(index, building)
            if place.exists():
                shutil.rmtree(place)
            building.rename(place)
        finally:
            shutil.rmtree(building, ignore_errors=True)
        for old in place.parent.iterdir():
            if old != place and not old.name.startswith("."):
                shutil.rmtree(old, ignore_errors=True)
    except OSError as error:
        logger.warning("the search index could not be kept: %s", error)


def _write(index: SearchIndex, place: Path) -> None:
    (place / "documents.json").write_bytes(orjson.dumps([asdict(document) for document in index.documents]))
    np.save(place / "vectors.npy", index.vectors)
    index.bm25.save(place / "words", show_progress=False)
    (place / _MANIFEST).write_bytes(orjson.dumps(_checksums(place)))


def _checksums(place: Path) -> dict[str, str]:
    return {
        str(path.relative_to(place)): hashlib.blake2b(path.read_bytes(), digest_size=16).hexdigest()
        for path in sorted(place.rglob("*"))
        if path.is_file() and path.name != _MANIFEST
    }


def _key(libraries: Iterable[Library]) -> str:
    facts = [f"format {FORMAT}", MODEL_NAME, *(f"{library.name} {library.version}" for library in libraries)]
    return hashlib.blake2b(os.linesep.join(facts).encode(), digest_size=8).hexdigest()
