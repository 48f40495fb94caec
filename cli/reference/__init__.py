"""What can be written and implemented, in words: for `antifaz components NAME` and for the pages of docs/reference. No torch."""
