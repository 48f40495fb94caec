"""Runs: stages that train and evaluate, checkpoints, the run folder, answers for a user's own files."""
