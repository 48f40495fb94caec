"""What plugins build models from."""
