"""Plugins' code in a run: what it must return, and which component is named where it raises."""
