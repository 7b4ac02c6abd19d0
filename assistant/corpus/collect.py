"""All documents of the installed libraries."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from assistant.corpus.builtin import read_builtins
from assistant.corpus.chunks import Document, chunk
from assistant.corpus.docstrings import read_docstrings
from assistant.corpus.libraries import Library

DOCUMENTS_PER_LIBRARY = 3_000
"""A bound, so that no library, however large, makes the index slow to build."""

CHUNKS_PER_DOCSTRING = 6

Progress = Callable[[str, int, int], None]
"""Called with what is being done, how much of it is done, and how much there is."""


def collect(libraries: Iterable[Library], progress: Progress) -> list[Document]:
    """Read and cut the documentation of `libraries`."""
    known = list(libraries)
    documents: dict[str, Document] = {}
    for number, library in enumerate(known):
        progress(f"Reading {library.name} {library.version}", number, len(known))
        documents.update((document.id, document) for document in _of(library))
    progress("Reading", len(known), len(known))
    return list(documents.values())


def _of(library: Library) -> list[Document]:
    found = list(read_builtins()) if not library.package else []
    found += read_docstrings(library)
    firsts = [document for docstring in found for document in chunk(docstring, CHUNKS_PER_DOCSTRING)]
    # When there is too much, what comes first in a docstring matters more than what comes later.
    firsts.sort(key=lambda document: int(document.id.rpartition("#")[2]) if "#" in document.id else 1)
    return firsts[:DOCUMENTS_PER_LIBRARY]
