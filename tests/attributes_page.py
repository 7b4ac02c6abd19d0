"""Writes `docs/attributes.md` from the tables in the code: `python -m tests.attributes_page`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from tracing_core.conventions import (
    FACTS,
    FIRST_TOKEN_EVENTS,
    INDEXED_DOCUMENTS,
    INDEXED_MESSAGES,
    MAP_VERSION,
    SHOWN,
    Concept,
    Reading,
)
from tracing_core.dialects import EXACT, PREFIXES
from tracing_core.given import GIVEN, PREFIX
from tracing_core.kinds import KINDS
from tracing_core.model import SpanKind

PAGE = Path(__file__).parents[1] / "docs" / "attributes.md"

_TOP = f"""# Attributes that are understood

A span may come from any instrumentation; nothing has to be set here for one. What a span says is read by one table, version
`{MAP_VERSION}`, which is this page. All attributes stay stored as they came, so a later version of the table reads old spans, too.

How values are read, whatever their name:

- The first name that is there and can be read counts, from left to right. A value that cannot be read counts as not there; it never
  costs the span.
- JSON in a text and a structured value are the same. Numbers may be texts.
- Cached tokens are part of the input tokens, reasoning tokens part of the output. Where a sender counts them beside (Langfuse's
  `input`, more cached tokens than input, a total that only then adds up) they are added.
- A span that repeats the tokens of the calls below it, as agents do, is not counted again.
- The cost that a sender gives is kept beside the one computed here, and shown first. Another currency than USD is no cost.
- Times to the first token become milliseconds within the span. A number that is far longer than the span is taken for a smaller unit.
- A span failed when its status says so, or its `langfuse.observation.level` is `ERROR`; why, its message says, its last exception or `error.type`.
- Session, user, environment and version may stand on any span of a trace or on its resource.

"""


def page() -> str:
    """The whole page."""
    return _TOP + "\n".join(_lines())


def _lines() -> Iterator[str]:
    yield from _concepts("Facts of a span", "What lists, filters and charts show.", FACTS)
    yield from _concepts("Content", "What the view of one span shows besides.", SHOWN)
    yield "## Names with numbers in them\n"
    yield "Lists may also be spread over names: `gen_ai.prompt.0.role`, `retrieval.documents.0.document.content`.\n"
    yield f"Messages: {_names(INDEXED_MESSAGES)}. Documents: {_names(INDEXED_DOCUMENTS)}.\n"
    yield "## Events\n"
    yield "`gen_ai.system.message`, `gen_ai.user.message`, `gen_ai.assistant.message`, `gen_ai.tool.message`, `gen_ai.choice` and"
    yield "`gen_ai.client.inference.operation.details` hold messages, as events of the span or as log records that name it."
    yield f"Where no attribute tells the first token, these events do: {_names(sorted(FIRST_TOKEN_EVENTS))}.\n"
    yield "## Kinds\n"
    yield "The first of these attributes that has a word listed here says what a span does.\n"
    yield "| Attribute | Words |\n|---|---|"
    yield from (f"| `{name}` | {_kinds(words)} |" for name, words in KINDS.items())
    yield "\n## Decisions\n"
    yield "A choice with its reason and its alternatives: a span event named `decision`, or a span itself, becomes one by"
    yield "`decision.type`, `decision.what`, `decision.why`, `decision.confidence` (0 to 1), `decision.alternatives`,"
    yield "`decision.inputs`, `decision.timestamp` (ISO 8601). One of the first two is needed; structured values may be JSON.\n"
    yield "What a decision model answered becomes one too, each answer with its confidence and, as alternatives, the other options:"
    yield "pydantic-ai's `pydantic_ai.decision.answers`, `gen_ai.decision.answers`, and of an OpenInference `DECISION` the `answers` in"
    yield "`output.value`. The attributes stay as they came.\n"
    yield "## Our own names\n"
    yield f"On the root span, `{PREFIX}` and one of these say it of the whole trace, before anything else: {_names(GIVEN)}.\n"
    yield "## Whose names they are\n"
    yield "The diagnostics page names the conventions that a span speaks by how its attributes begin.\n"
    yield "| Convention | Beginnings and names |\n|---|---|"
    spoken = sorted({*PREFIXES.values(), *EXACT.values()})
    yield from (
        f"| {whose} | {_names(n for n, of in ({**PREFIXES, **EXACT}).items() if of == whose)} |" for whose in spoken
    )
    yield ""


def _concepts(title: str, about: str, concepts: Mapping[str, Concept]) -> Iterator[str]:
    yield f"## {title}\n\n{about}\n"
    yield "| What | Names, the first that is there counts |\n|---|---|"
    for name, concept in concepts.items():
        names = ", ".join(f"`{n}`{_unit(concept, reading)}" for n, reading in concept.readings())
        yield f"| **{name}**: {concept.meaning}{_reading(concept.reading)} | {names} |"
    yield ""


def _reading(reading: Reading) -> str:
    return "" if reading in (Reading.TEXT, Reading.AS_IT_IS) else f" ({reading.value})"


def _unit(concept: Concept, reading: Reading) -> str:
    return "" if reading is concept.reading else f" ({reading.value})"


def _names(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def _kinds(words: Mapping[str, SpanKind]) -> str:
    by_kind: dict[SpanKind, list[str]] = {}
    for word, kind in words.items():
        if kind is not SpanKind.UNKNOWN:
            by_kind.setdefault(kind, []).append(word)
    return "; ".join(f"{', '.join(found)}: {kind}" for kind, found in by_kind.items())


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
