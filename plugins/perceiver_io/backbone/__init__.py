"""Latents that read any input, queries that read the latents, and streams brought to one width."""
