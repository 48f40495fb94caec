"""Names in the figures of metrics."""

MEAN = "mean"
"""The name under which metrics report the average of all heads."""
