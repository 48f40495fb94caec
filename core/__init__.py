"""The definition of a multimodal model and of an experiment. Importing it imports no torch."""
