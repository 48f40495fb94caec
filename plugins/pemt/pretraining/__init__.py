"""Masked prediction of embeddings and mismatched pairs."""
