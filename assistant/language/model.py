"""What every language model can do here: answer a prompt piece by piece, and say what that took."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

from assistant.prompts import Budget, Prompt
from assistant.stop import StopSignal


@dataclass(frozen=True, kw_only=True, slots=True)
class Usage:
    """What the model counted, in tokens; None where it did not say. `cached_tokens` are part of `prompt_tokens`."""

    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    total_tokens: int | None = None
    cached_tokens: int | None = None
    finish_reason: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Piece:
    """The next words of the answer, and what they took up to here where the model says so each time."""

    text: str
    so_far: Usage | None = None


class LanguageModel(Protocol):
    """Answers prompts."""

    @property
    def name(self) -> str:
        """What it is called in traces and to people."""
        ...

    @property
    def provider(self) -> str:
        """Who runs it."""
        ...

    @property
    def budget(self) -> Budget:
        """How much it can take in."""
        ...

    def stream(self, prompt: Prompt, stop: StopSignal) -> Iterator[Piece | Usage]:
        """The answer piece by piece, then what it took. Ends early, without an error, when `stop` is set.

        Raises:
            ModelUnavailable: it cannot be reached, was silent for too long, broke off, or refused.
        """
        ...
