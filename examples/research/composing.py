"""The Markdown of a report: what the model wrote, and around it what the evidence itself says."""

from __future__ import annotations

import re
from collections.abc import Sequence

from assistant.model import Source
from assistant.words import sentences, shorten, words
from examples.research.model import Brief, Plan
from examples.research.planning import DIFFERENCES, EXAMPLE, LIMITS, NAMES
from examples.research.snippets import snippets, without_code

_CONTRAST = re.compile(
    r"\b(whereas|unlike|while|instead|rather than|differ\w*|but|however|contrast|as opposed)\b", re.IGNORECASE
)
_CITED = re.compile(r"\[\d+\]")
_SENTENCE_END = re.compile(r"(?<=[.!?\]])\s+(?=[A-Z`\"'(\[>])|\n\s*\n")
_MOST_CODE_LINES = 25
_SENTENCE_CHARS = 220


def compose(brief: Brief, plan: Plan, answer: str, sources: Sequence[Source]) -> str:
    """The whole report, without front matter."""
    written = _only_cited(answer) if plan.only_cited else answer
    parts = [f"# {brief.question.strip()}", f"## Answer\n\n{written.strip() or 'The sources do not say.'}"]
    if NAMES in plan.sections:
        parts += _section("Names to know", [_name(source) for source in sources])
    if EXAMPLE in plan.sections:
        parts += _section("Example", [_example(brief, sources)])
    if DIFFERENCES in plan.sections:
        parts += _section("Differences", _differences(sources))
    if LIMITS in plan.sections:
        parts += _section("Limits", [_limits(brief, sources)])
    parts += _section("Sources", [f"{s.index}. `{s.title}` ({s.library}, {s.score:.2f})" for s in sources])
    return "\n\n".join(parts) + "\n"


def _section(title: str, lines: Sequence[str]) -> list[str]:
    said = [line for line in lines if line]
    return [f"## {title}\n\n" + "\n".join(said)] if said else []


def _only_cited(answer: str) -> str:
    return "\n\n".join(sentence for sentence in claims(answer) if _CITED.search(sentence))


def claims(answer: str) -> list[str]:
    """The sentences, each with the numbers that follow it."""
    found: list[str] = []
    for sentence in _SENTENCE_END.split(answer):
        if found and _CITED.match(sentence) and not _CITED.sub("", sentence).strip(" .\n"):
            found[-1] += f" {sentence}"
        elif sentence.strip():
            found.append(sentence.strip())
    return found


def _name(source: Source) -> str:
    signature, _, text = source.text.partition("\n\n")
    has_arguments = signature.startswith(source.title) and "(" in signature
    call = " ".join(signature.split()) if has_arguments else source.title
    said = sentences(without_code(text if has_arguments else source.text))
    return (
        f"- `{call}`: {shorten(' '.join(said[0].split()), _SENTENCE_CHARS)} [{source.index}]"
        if said
        else f"- `{call}` [{source.index}]"
    )


def _example(brief: Brief, sources: Sequence[Source]) -> str:
    """The code that shows best what was asked for; nothing when the evidence has no code."""
    blocks = [(source, block) for source in sources for block in snippets(source.text)]
    if not blocks:
        return ""
    source, block = max(blocks, key=lambda pair: _shows(brief, *pair))
    lines = block.splitlines()[:_MOST_CODE_LINES]
    return "```python\n" + "\n".join(lines) + f"\n```\n\nFrom `{source.title}` [{source.index}]."


def _shows(brief: Brief, source: Source, block: str) -> tuple[bool, int, int]:
    """How good an example is: that it uses what it documents, then the words of the question, then the better evidence."""
    own = re.search(rf"\b{re.escape(source.title.rpartition('.')[2])}\b", block) is not None
    return own, len(set(brief.terms) & set(words(f"{source.title} {block}"))) - source.index, -len(block)


def _differences(sources: Sequence[Source]) -> list[str]:
    said = [(source, sentence) for source in sources for sentence in sentences(without_code(source.text))]
    telling = [(source, sentence) for source, sentence in said if _CONTRAST.search(sentence)]
    return [f"- {shorten(' '.join(sentence.split()), _SENTENCE_CHARS)} [{s.index}]" for s, sentence in telling[:3]]


def _limits(brief: Brief, sources: Sequence[Source]) -> str:
    missing = uncovered(brief, sources)
    if missing:
        return f"The sources say nothing of: {', '.join(missing)}."
    return "The sources have every word of the question; what they do not say is not in this report."


def uncovered(brief: Brief, sources: Sequence[Source]) -> list[str]:
    """The words of the question that no source has."""
    having = set(words(" ".join(f"{source.title} {source.text}" for source in sources)))
    return [term for term in brief.terms if term not in having]
