"""YAML documents: where every value was written, merging, overrides."""
