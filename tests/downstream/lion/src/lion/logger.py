"""A logger that writes one row for each figure."""

from __future__ import annotations

import csv

import attrs
from antifaz.registry import component, option


@component("logger", "csv_log")
@attrs.frozen(kw_only=True)
class CsvLog:
    """A table with the columns stage, step, figure and value, in the run folder's `events`."""

    file: str = option(default="figures.csv", doc="name of the table")

    def build(self, run):
        return CsvWriter(run.root / "events" / self.file)


class CsvWriter:
    def __init__(self, path):
        path.parent.mkdir(exist_ok=True)
        self.file = open(path, "a", newline="")
        self.rows = csv.writer(self.file)

    def log(self, stage, step, figures):
        self.rows.writerows((stage, step, name, value) for name, value in figures.items())

    def close(self):
        self.file.close()
