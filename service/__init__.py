"""The service: questions are asked and answered here over HTTP, and traces read."""
