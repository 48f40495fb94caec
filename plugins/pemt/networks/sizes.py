"""Sizes that a residual network and its spec both use."""

EXPANSION = 4
"""How much wider a bottleneck block leaves than it is inside."""
