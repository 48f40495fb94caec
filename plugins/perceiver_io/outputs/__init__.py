"""Features of output tokens, and tiles of large pictures."""
