"""The text that is sent to the language model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from assistant.model import Source
from assistant.words import shorten

SYSTEM = (
    "You answer questions about Python libraries from the numbered documents. "
    "Answer in at most three short sentences. "
    "Put the number of the document in brackets after each sentence, like [1]."
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Budget:
    """How much a model can take in: documents, characters of each, and characters of the question; tokens of its answer.

    Args:
        opening: whether the first words of the answer are given to it, which keeps a small model to the document.
    """

    documents: int = 10
    document_chars: int = 900
    question_chars: int = 20_000
    answer_tokens: int = 500
    opening: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Prompt:
    """A question ready to be answered; `sources` are the documents that are in it, `opening` how the answer begins."""

    question: str
    sources: tuple[Source, ...]
    system_prompt: str
    user_message: str
    temperature: float
    max_tokens: int
    opening: str = ""

    def as_recorded(self) -> dict[str, str]:
        """The texts, for the trace."""
        texts = {"system_prompt": self.system_prompt, "user_message": self.user_message}
        return texts | ({"answer_opening": self.opening} if self.opening else {})


def make_prompt(question: str, sources: Sequence[Source], temperature: float, budget: Budget) -> Prompt:
    """Put the question and the best documents into words, within what the model can take."""
    sent = tuple(sources[: budget.documents])
    asked = shorten(question.strip(), budget.question_chars)
    documents = "\n\n".join(f"[{s.index}] {s.title}\n{shorten(s.text, budget.document_chars)}" for s in sent)
    return Prompt(
        question=asked,
        sources=sent,
        system_prompt=SYSTEM,
        user_message=f"Documents:\n\n{documents or 'Nothing was found.'}\n\nQuestion: {asked}",
        temperature=temperature,
        max_tokens=budget.answer_tokens,
        opening=f"According to [1], `{sent[0].title}`" if budget.opening and sent else "",
    )
