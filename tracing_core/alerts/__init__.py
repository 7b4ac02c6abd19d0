"""Alerts: rules on the numbers that pages show, when they fire, and who is told."""
