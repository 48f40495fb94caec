"""Weights that other libraries publish, under the names of this backbone."""
