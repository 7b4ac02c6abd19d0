"""Meanings as vectors. The encoder is the library's own, which puts recorded questions together by the same one."""

from tracing_core.question_vectors import DIMENSIONS, MODEL_NAME, Embedder, Vectors

__all__ = ["DIMENSIONS", "MODEL_NAME", "Embedder", "Vectors"]
