"""Tokenizers and queries of Perceiver IO, and their positions."""
