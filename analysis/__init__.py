"""What is known of an experiment before it runs: check, influence, purity, pictures."""
