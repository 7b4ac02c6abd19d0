"""OpenTelemetry's protocol (OTLP): bodies that come in become spans and fragments of spans, traces go out as requests."""
