"""Masked points of an array, and the error on them."""
