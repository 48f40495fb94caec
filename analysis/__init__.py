"""Analyses of an experiment before it runs: check, cost, influence, purity, pictures of masks."""
