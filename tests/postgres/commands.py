"""How a test runs a command."""

from __future__ import annotations

from collections.abc import Callable

Run = Callable[..., tuple[int, str]]
"""Takes the arguments of a command; gives the exit code, and all that it printed."""
