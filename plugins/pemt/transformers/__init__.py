"""The Transformers of PEMT, which share weights."""
