"""The built-in assistant: an ordinary application, instrumented with `tracing_core`."""

from assistant.assistant import Assistant
from assistant.corpus.libraries import LIBRARY_NAMES
from assistant.errors import AssistantError, IndexUnavailable, ModelUnavailable
from assistant.model import Answer, Citation, Done, Event, Progress, Question, Source, Sources, Step, Stopped, Token
from assistant.stop import StopSignal

__all__ = [
    "LIBRARY_NAMES",
    "Answer",
    "Assistant",
    "AssistantError",
    "Citation",
    "Done",
    "Event",
    "IndexUnavailable",
    "ModelUnavailable",
    "Progress",
    "Question",
    "Source",
    "Sources",
    "Step",
    "StopSignal",
    "Stopped",
    "Token",
]
