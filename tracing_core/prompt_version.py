"""Which version of a prompt a run used, as it says itself: what groups of runs are told apart by.

A version is what the sender calls one (a prompt's name and version in any convention's attributes, or our own). The text
of a prompt is no version: it mostly holds the question and its documents, and so differs with every run.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from tracing_core.jsontext import text_of
from tracing_core.model import SpanData
from tracing_core.said import of_names

PROMPT_VERSION = "prompt.version"
"""The name under which traces are picked by it, among the attributes of a trace."""
_LONGEST = 200
_VERSIONS = (
    PROMPT_VERSION, "prompt_version", "gen_ai.prompt.version", "langfuse.observation.prompt.version",
    "langfuse.prompt.version", "llm.prompt_template.version", "traceloop.prompt.version",
)  # fmt: skip
_NAMES = (
    "prompt.name", "prompt_name", "gen_ai.prompt.name", "langfuse.observation.prompt.name", "langfuse.prompt.name",
    "llm.prompt_template.name", "traceloop.prompt.key", "prompt.id",
)  # fmt: skip


def prompt_version(spans: Iterable[SpanData]) -> str | None:
    """The version that the last of the spans has which says one: that of the answer; with the prompt's name where it has one.

    Returns:
        Such as `support-answer 7`, or `7`; None where no span says.
    """
    found = None
    for span in spans:
        if names := _said(span.attributes):
            found = _words(span.attributes, names) or found
    return found


@of_names
def _said(names: tuple[Any, ...]) -> tuple[str, ...]:
    """Those of these names that say name and version; none where there is no version."""
    version = next((name for name in _VERSIONS if name in names), None)
    if version is None:
        return ()
    called = next((name for name in _NAMES if name in names), None)
    return (version,) if called is None else (called, version)


def _words(attributes: Mapping[str, Any], names: tuple[str, ...]) -> str | None:
    said = [attributes[name] for name in names]
    if said[-1] in ("", None) or not all(isinstance(each, str | int | float) for each in said):
        return None
    return " ".join(text_of(str(each)) for each in said if each != "")[:_LONGEST]
