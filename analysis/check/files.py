"""Files that a config names and that are not on this machine: a run would refuse to begin."""

from __future__ import annotations

import attrs

from antifaz.core.experiment import Experiment
from antifaz.engine.needed_files import missing_files


@attrs.frozen
class FileReport:
    """A missing file, and the data set or stage that needs it.

    owner: `data` or `stage`. name: of the data set or stage.
    """

    owner: str
    name: str
    path: str

    @property
    def text(self) -> str:
        return f"{self.owner} {self.name}: {self.path} is not on this machine"

    def json(self) -> dict[str, str]:
        """Return `{"data": NAME, "path": PATH}`, of a stage with the key `stage`."""
        return {self.owner: self.name, "path": self.path}


def report_missing_files(experiment: Experiment) -> tuple[FileReport, ...]:
    """List every missing file once for each data set or stage that needs it."""
    owners = {"data": "data", "stages": "stage"}
    return tuple(dict.fromkeys(FileReport(owners[file.section], file.name, file.path) for file in missing_files(experiment)))
