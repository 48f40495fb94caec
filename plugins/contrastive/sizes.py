"""Sizes that losses and their specs both use."""

MAX_SCALE = 100.0
"""Highest inverse of a learned temperature (Radford et al. 2021)."""
