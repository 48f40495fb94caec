"""Clips cut into pieces, masked pieces, and tokens made of pieces."""
