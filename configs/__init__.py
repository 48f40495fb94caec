"""The shipped experiments, found by importlib.resources; `antifaz run NAME` takes any of them by its bare name."""
