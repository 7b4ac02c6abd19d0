"""A research pipeline in the stages of seed B: it writes a report on a question, and does not rest until its gate passes it."""
