"""Arrays as points: tokens of them, queries for them, and values at them."""
