"""Measurements against the targets of the design; `python3 dev.py bench` runs them and prints a table."""
