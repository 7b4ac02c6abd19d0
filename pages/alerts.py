"""The alerts page tells what somebody should know of at once, and whether it was said."""

from dashboard import filters

filters.current("alerts", ())
