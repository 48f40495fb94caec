"""The distribution's own tests run where it is installed."""

collect_ignore = ["inertial", "lion"]
