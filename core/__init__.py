"""What a multimodal model is, and what an experiment is. Importing it imports no torch."""
