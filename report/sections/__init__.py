"""The sections of a page, each computed from the record of a run."""
