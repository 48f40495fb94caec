"""check: what an experiment is and costs, before anything is spent."""
