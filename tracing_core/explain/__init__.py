"""What sets some traces apart from others: pure statistics over columns of facts. The database is `tracing_core.query`'s."""
