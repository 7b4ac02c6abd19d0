"""Answers without a language model: the sentences of the sources that fit the question best, quoted."""

from __future__ import annotations

import re
from collections.abc import Iterator

from assistant.embedding import Embedder
from assistant.language.model import Piece, Usage
from assistant.prompts import Budget, Prompt
from assistant.search.rerank import share
from assistant.stop import StopSignal
from assistant.words import sentences, shorten, words

NAME = "extractive"
_QUOTES = 3
_CHARS = 400
_WORD_AND_SPACE = re.compile(r"\S+\s*")
OPENING = "No language model is in use; these are quotes from the documentation that fit best."
NOTHING = "No language model is in use, and nothing in the documentation fits this question."


class ExtractiveModel:
    """Quotes. It counts no tokens, as there are none."""

    name = NAME
    provider = "built-in"
    budget = Budget()

    def __init__(self, embedder: Embedder) -> None:
        self._embedder = embedder

    def stream(self, prompt: Prompt, stop: StopSignal) -> Iterator[Piece | Usage]:
        """See `LanguageModel`."""
        for word in _WORD_AND_SPACE.findall(self.answer(prompt)):
            if stop.is_set():
                return
            yield Piece(text=word)
        yield Usage(finish_reason="stop")

    def answer(self, prompt: Prompt) -> str:
        """The best sentences, each with the number of its source."""
        quotes = [(s.index, sentence) for s in prompt.sources for sentence in sentences(s.text)]
        if not quotes:
            return NOTHING
        terms = dict.fromkeys(words(prompt.question), 1.0)
        vector = self._embedder.embed([prompt.question])[0]
        cosines = self._embedder.embed([sentence for _, sentence in quotes]) @ vector
        scores = [float(c) + 0.5 * share(terms, set(words(text))) for c, (_, text) in zip(cosines, quotes, strict=True)]
        best = sorted(range(len(quotes)), key=lambda i: -scores[i])[:_QUOTES]
        lines = [f"> {shorten(' '.join(quotes[i][1].split()), _CHARS)} [{quotes[i][0]}]" for i in sorted(best)]
        return OPENING + "\n\n" + "\n\n".join(lines)
