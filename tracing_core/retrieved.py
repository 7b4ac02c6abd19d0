"""The documents that a span found or reordered, in seed B's words for evidence: from every shape that they are sent in."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from tracing_core.message_shapes import as_text, unflattened
from tracing_core.model import SpanData, SpanKind
from tracing_core.readings import count, parsed
from tracing_core.said import each, is_empty, names_of, of_names

_FINDING = frozenset({SpanKind.RETRIEVAL, SpanKind.RERANK, SpanKind.FUSION})
_INDEXED = {
    "documents": ("reranker.output_documents", "retrieval.documents"),
    "documents_before": ("reranker.input_documents",),
}
_RESULT_EVENTS = {"db.query.result": "db.query.result.", "db.search.result": "db.search.result."}
_COUNTS = ("db.vector.query.result_count", "gen_ai.retrieval.document_count", "db.milvus.search.result_count")
_TELLING = names_of(("documents", "documents_before", "answer")) | {*_COUNTS}
"""The names of one attribute each that can say what was found."""
_NOT_KEPT = "not among those that came out of the reranker"

Document = dict[str, Any]


def evidence_of(span: SpanData) -> dict[str, Any]:
    """What a span found: collected_count, by_source, kept (id, title, source, text, scores), filtered_out; empty when it says none."""
    if span.evidence:
        return dict(span.evidence)
    kept, before = _documents(span, "documents"), _documents(span, "documents_before")
    if not kept and not before:
        known = next((found for name in _COUNTS if (found := count(span.attributes.get(name))) is not None), None)
        return {} if known is None else {"collected_count": known}
    collected = before or kept
    dropped = _left_out(before, kept) if kept else []
    return {
        "collected_count": max(len(collected), len(kept)),
        "by_source": dict(Counter(source for one in collected if isinstance(source := one.get("source"), str))),
        "kept": kept or before,
        "filtered_out": dropped,
    }


def kept_by(span: SpanData) -> Sequence[Any]:
    """The documents that a span kept, as `evidence_of` has them; empty when it says none."""
    if span.evidence:
        kept = span.evidence.get("kept")
        return kept if isinstance(kept, list | tuple) else ()
    if _names_none(span):
        return ()
    return _documents(span, "documents") or _documents(span, "documents_before")


def _names_none(span: SpanData) -> bool:
    """Whether no document can be read from a span: told by its names alone."""
    return not span.events and _TELLING.isdisjoint(span.attributes) and _counted(span.attributes) is None


def counts_of(span: SpanData) -> tuple[int | None, int | None, int | None]:
    """How many documents a span found, kept and left out; None for what it does not say.

    Documents that are spread over indexed names are counted without being read: every trace pays for this when it is written.
    """
    spread = _counted(span.attributes)
    if spread is None:
        if not span.events and _TELLING.isdisjoint(span.attributes):
            return None, None, None
        evidence = evidence_of(span)
        kept, dropped = evidence.get("kept"), evidence.get("filtered_out")
        return (
            evidence.get("collected_count"),
            None if kept is None else len(kept),
            None if dropped is None else len(dropped),
        )
    return spread


_SPREAD = ("retrieval.documents.", "reranker.input_documents.", "reranker.output_documents.")


@of_names
def _counted(names: tuple[Any, ...]) -> tuple[int | None, int | None, int | None] | None:
    numbers: dict[str, set[str]] = {}
    for name in names:  # a program that records may use what is no text, too
        if isinstance(name, str) and name.startswith(_SPREAD):
            kind, _, number = name.partition("ents.")
            numbers.setdefault(kind, set()).add(number.partition(".")[0])
    if not numbers:
        return None
    found = {kind: len(them) for kind, them in numbers.items()}
    before, after = found.get("reranker.input_docum"), found.get("reranker.output_docum", found.get("retrieval.docum"))
    if before is None or after is None:
        return before or after, before or after, 0
    return max(before, after), after, max(before - after, 0)


def _documents(span: SpanData, concept: str) -> list[Document]:
    sources: Iterable[Any] = (
        *(unflattened(span.attributes, prefix) for prefix in _INDEXED[concept]),
        *(value for _, value in each(span.attributes, concept)),
        *((_from_events(span),) if concept == "documents" else ()),
        *((value for _, value in each(span.attributes, "answer")) if concept == "documents" and _finds(span) else ()),
    )
    found = next((documents for source in sources if (documents := _read(source))), [])
    return _with_scores(found, span.attributes, concept)


def _finds(span: SpanData) -> bool:
    return span.kind in _FINDING


def _from_events(span: SpanData) -> list[Mapping[str, Any]]:
    """OpenLLMetry's vector stores say each hit in an event of its own."""
    prefixes = ((_RESULT_EVENTS[event.name], event.attributes) for event in span.events if event.name in _RESULT_EVENTS)
    return [{str(name).removeprefix(prefix): value for name, value in said.items()} for prefix, said in prefixes]


# --- one document from whatever it is ---

_DEEPEST = 8
_LISTS = (
    "documents",
    "docs",
    "results",
    "matches",
    "chunks",
    "nodes",
    "source_documents",
    "hits",
    "data",
    "context",
    "ranking",
)
_WRAPPERS = ("document", "node", "payload", "entity", "_source")
_IDS = ("id", "id_", "document_id", "doc_id", "_id", "chunk_id", "node_id", "originalIndex")
_TEXTS = ("content", "page_content", "text", "document", "body", "snippet", "chunk", "passage")
_SOURCES = ("source", "url", "uri", "file_path", "file_name", "filename", "path")
_TITLES = ("title", "name")
_SCORES = (
    "score", "relevance_score", "relevanceScore", "rerank_score", "similarity", "similarity_score", "_score", "distance",
    "certainty", "rank",
)  # fmt: skip
_LEFT_OUT = frozenset({"embedding", "vector", "embeddings", "type", "metadata", "scores", "object"})
_USED = frozenset({*_IDS, *_TITLES, *_SOURCES, *_TEXTS, *_SCORES, *_LEFT_OUT, *_WRAPPERS})


def _read(value: Any, depth: int = _DEEPEST) -> list[Document]:
    value = parsed(value) if depth else None
    if isinstance(value, Mapping):
        inner = next((value[key] for key in _LISTS if isinstance(parsed(value.get(key)), list | tuple)), None)
        return (
            _read(inner)
            if inner is not None
            else [one for one in [_document(value)] if "text" in one or "scores" in one]
        )
    if not isinstance(value, list | tuple):
        return []
    batch_of_one = len(value) == 1 and isinstance(value[0], list | tuple) and not _is_scored(value[0])
    items = value[0] if batch_of_one else value
    return [one for item in items if (one := _document(item))]


def _is_scored(item: Any) -> bool:
    """Whether it is a document and its score, side by side."""
    return isinstance(item, list | tuple) and len(item) == 2 and _is_number(item[1])


def _document(item: Any, depth: int = _DEEPEST) -> Document:
    if _is_scored(item) and depth:
        return _document(item[0], depth - 1) | {"scores": {"score": item[1]}}
    if isinstance(item, str):
        opened = parsed(item) if item[:1] == "{" else item
        return _document(opened, 0) if isinstance(opened, Mapping) else {"text": item} if item else {}
    if not isinstance(item, Mapping):
        return {}
    flat = dict(_opened(item))
    said = {
        "id": _first(flat, _IDS),
        "title": _first(flat, _TITLES),
        "source": _first(flat, _SOURCES),
        "text": _text(flat),
        "scores": _scores(flat),
    }
    rest = {key: value for key, value in flat.items() if key not in _USED and not is_empty(value)}
    return {key: value for key, value in (said | {"metadata": rest}).items() if not is_empty(value)}


def _opened(item: Mapping[str, Any], depth: int = _DEEPEST) -> Iterator[tuple[str, Any]]:
    """The fields of a document, with those of its metadata and of what wraps it; the outer ones come last and win."""
    for key in (*_WRAPPERS, "metadata"):
        inner = _mapping(item.get(key))
        if inner is not None and depth:
            yield from _opened(inner, depth - 1)
    yield from ((str(key), value) for key, value in item.items() if key == "scores" or _mapping(value) is None)


def _mapping(value: Any) -> Mapping[str, Any] | None:
    """What a value is, or says as JSON, where that is a mapping; most texts are told by how they begin."""
    if isinstance(value, str | bytes | bytearray):
        value = parsed(value) if value.lstrip()[:1] in ("{", b"{") else None
    return value if isinstance(value, Mapping) else None


def _first(flat: Mapping[str, Any], keys: Iterable[str]) -> Any:
    return next((flat[key] for key in keys if isinstance(flat.get(key), str | int | float) and flat[key] != ""), None)


def _text(flat: Mapping[str, Any]) -> str | None:
    found = next((flat[key] for key in _TEXTS if not is_empty(flat.get(key))), None)
    return None if found is None else as_text(found)


def _scores(flat: Mapping[str, Any]) -> dict[str, Any]:
    named = flat.get("scores")
    found = {key: flat[key] for key in _SCORES if _is_number(flat.get(key))}
    if isinstance(named, Mapping):
        found |= {str(key): value for key, value in named.items() if _is_number(value)}
    return found


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


# --- lists beside each other ---

_SCORES_BESIDE = {
    "documents": (
        "ai.observability.reranking.output_context_scores", "ai.observability.retrieval.retrieved_scores",
        "db.pinecone.query.scores",
    ),
    "documents_before": ("ai.observability.reranking.input_context_scores",),
}  # fmt: skip


def _with_scores(documents: list[Document], attributes: Mapping[str, Any], concept: str) -> list[Document]:
    scores = next((parsed(attributes[name]) for name in _SCORES_BESIDE[concept] if name in attributes), None)
    if not isinstance(scores, list | tuple) or len(scores) != len(documents):
        return documents
    return [
        one if "scores" in one or not _is_number(score) else one | {"scores": {"score": score}}
        for one, score in zip(documents, scores, strict=True)
    ]


def _left_out(before: Sequence[Document], kept: Iterable[Document]) -> list[Document]:
    names = {key for one in kept for key in _identities(one)}
    return [one | {"reason": _NOT_KEPT} for one in before if not names & set(_identities(one))]


def _identities(one: Document) -> tuple[tuple[str, str], ...]:
    return tuple((key, str(one[key])) for key in ("id", "text") if key in one)
