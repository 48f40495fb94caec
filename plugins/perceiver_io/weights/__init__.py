"""Weights of published Perceiver checkpoints."""
