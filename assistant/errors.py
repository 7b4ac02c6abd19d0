"""What can go wrong while a question is answered; the messages are for the person who asked.

TracewhyError
└── AssistantError
    ├── IndexUnavailable   the documentation cannot be searched (yet)
    └── ModelUnavailable   the language model cannot be reached, fell silent, broke off or refused
"""

from __future__ import annotations

from tracing_core.errors import TracewhyError


class AssistantError(TracewhyError):
    """The question could not be answered."""


class IndexUnavailable(AssistantError):
    """The documentation is still being indexed; ask again in a moment."""


class ModelUnavailable(AssistantError):
    """The language model does not answer; try again in a moment."""
