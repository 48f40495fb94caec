"""Masked tokens of text, to be told from the rest."""
