"""Applications that are traced with `tracing_core`, to be looked at and run; nothing imports them."""
