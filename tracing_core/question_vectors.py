"""Meanings as vectors: static word vectors, averaged, from the wheel `wordllama`. Loaded when first used.

The assistant searches by them; the page of patterns puts questions together by them.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["DIMENSIONS", "MODEL_NAME", "Embedder", "Vectors"]

Vectors = NDArray[np.float32]

MODEL_NAME = "wordllama-l2-supercat-256"
DIMENSIONS = 256


def _import_quietly() -> Any:
    """Import wordllama, which sets up logging for the whole process when nobody else has; undo that."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    import wordllama

    root.handlers[:] = handlers
    root.setLevel(level)
    return wordllama


class Embedder:
    """Turns texts into vectors of length 1, so that their dot product is the cosine. Safe to use from many threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._model: Any = None

    def load(self) -> None:
        """Load the vectors now, half a second, instead of at the first text."""
        with self._lock:
            if self._model is None:
                wordllama = _import_quietly()
                folder = Path(wordllama.__file__).parent
                self._model = wordllama.WordLlama.load(cache_dir=folder, disable_download=True)

    def embed(self, texts: Sequence[str]) -> Vectors:
        """One row for each of `texts`; a text without known words is all zeros, and like nothing."""
        self.load()
        if not texts:
            return np.zeros((0, DIMENSIONS), dtype=np.float32)
        vectors = np.asarray(self._model.embed([text or " " for text in texts]), dtype=np.float32)
        lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
        unit: Vectors = np.nan_to_num(vectors / np.where(lengths > 0, lengths, 1))
        return unit
