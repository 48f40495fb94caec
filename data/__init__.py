"""Samples, batches, caches: how data reach a model."""
