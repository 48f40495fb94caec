"""The report of a run: one page that explains it, and one that holds several runs side by side. Self-contained HTML."""
