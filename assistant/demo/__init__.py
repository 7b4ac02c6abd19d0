"""A made-up history, recorded for real: the assistant answers many questions under a clock that jumps."""
