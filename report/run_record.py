"""The record of a run: everything that its folder holds, for a page about it.

Any part may be missing, unfinished or damaged, and the record says which. Only a folder without a config is refused.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import attrs

from antifaz.core.discovery import discover
from antifaz.core.experiment import Experiment, read
from antifaz.engine.run_folder import RunFolder
from antifaz.registry import AntifazError, load_document

Origin = tuple[str, Any, str]
"""Key, value, and the place where it was written (empty where that is not known)."""


@attrs.frozen(kw_only=True)
class StageRecord:
    """One stage.

    task: `train`, `evaluate`, or empty where the config does not say. steps: how many it has, None for an evaluation.
    records: its lines of metrics.jsonl. summary: of done.json, None while it is not over. details: what its metrics kept.
    """

    name: str
    task: str
    steps: int | None
    records: tuple[Mapping[str, Any], ...]
    summary: Mapping[str, Any] | None
    details: Mapping[str, Any] | None

    @property
    def trained(self) -> int:
        """The last step that was logged."""
        return max((int(record["step"]) for record in self.records), default=0)


@attrs.frozen(kw_only=True)
class RunRecord:
    """One run. missing: part (a section's id) -> a note on what is missing; experiment: None where the config cannot be read."""

    folder: RunFolder
    name: str
    stages: tuple[StageRecord, ...]
    results: Mapping[str, Any]
    data: Mapping[str, Any]
    environment: Mapping[str, Any]
    warnings: tuple[Mapping[str, Any], ...]
    origins: tuple[Origin, ...]
    experiment: Experiment | None
    missing: Mapping[str, str]

    @property
    def lower_is_better(self) -> set[tuple[str, str, str]]:
        """(stage, metric, figure) of every figure of which the lower is the better."""
        by_stage = {stage.name: (stage.details or {}).get("lower_is_better") for stage in self.stages}
        return {
            (stage, metric, str(figure))
            for stage, metrics in by_stage.items()
            for metric, figures in (metrics.items() if isinstance(metrics, dict) else ())
            for figure in (figures if isinstance(figures, list) else ())
        }


def read_run(root: Path, *, experiment: Experiment | None = None, plugins: Sequence[Path] = (), wired: bool = True) -> RunRecord:
    """Read everything that is known of a run.

    experiment: of this run, where it is at hand; otherwise its config is read, with these plugin files, where `wired` asks for it.
    Raises:
        FolderError: there is no run in this folder.
    """
    folder = RunFolder(root)
    folder.require_run()
    return _RunReader(folder, plugins).record(experiment, wired)


class _RunReader:
    """Reads one folder and notes every part that could not be read."""

    def __init__(self, folder: RunFolder, plugins: Sequence[Path]) -> None:
        self.folder, self.plugins = folder, plugins
        self.missing: dict[str, str] = {}

    def record(self, experiment: Experiment | None, wired: bool) -> RunRecord:
        document = load_document(self.folder.config)
        config = document.data if isinstance(document.data, dict) else {}
        if experiment is None and wired:
            experiment = self.experiment()
        results = self.results()
        records = self.lines(self.folder.metrics, "curves", {"stage": str, "step": int}, "the run has logged nothing yet")
        has_warnings = self.folder.warnings.exists()  # a run that had nothing to warn of has no such file
        warnings = self.lines(self.folder.warnings, "warnings", {"stage": str, "text": str}, "") if has_warnings else []
        sections = config.get("stages")
        written: Mapping[str, Any] = sections if isinstance(sections, dict) else {}
        names = dict.fromkeys([*written, *results, *(record["stage"] for record in records)])
        return RunRecord(
            folder=self.folder,
            name=str(config.get("name", self.folder.root.name)),
            stages=tuple(self.stage(str(name), written.get(name), records) for name in names),
            results=results,
            data=self.mapping(self.folder.root / "data.json", "data", "no data set was opened yet"),
            environment=self.mapping(self.folder.root / "environment.json", "environment", "it was not written down"),
            warnings=tuple(warnings),
            origins=tuple(self.origins(document.origins)),
            experiment=experiment,
            missing=self.missing,
        )

    def experiment(self) -> Experiment | None:
        try:
            return read(self.folder.config, discover(self.plugins))
        except AntifazError as error:
            reason = str(error).splitlines()[0]
            self.missing["graph"] = self.missing["mask"] = f"the config cannot be read with what is installed here: {reason}"
            return None

    def stage(self, name: str, written: Any, records: Sequence[Mapping[str, Any]]) -> StageRecord:
        config = written if isinstance(written, dict) else {}
        folder = self.folder.stage(name)
        done = _read_json(folder / "done.json")
        details = _read_json(self.folder.details(name))
        steps = config.get("steps")
        return StageRecord(
            name=name,
            task=str(config.get("task", "")),
            steps=steps if isinstance(steps, int) else None,
            records=tuple(record for record in records if record["stage"] == name),
            summary=done if isinstance(done, dict) else None,
            details=details if isinstance(details, dict) else None,
        )

    def mapping(self, path: Path, part: str, without: str) -> Mapping[str, Any]:
        """Read the JSON object of a file, or an empty one. without: the note where the file does not exist."""
        if not path.exists():
            self.missing[part] = without
            return {}
        content = _read_json(path)
        if not isinstance(content, dict):
            self.missing[part] = f"{path.name} is damaged"
            return {}
        return content

    def results(self) -> Mapping[str, Any]:
        """Read the results: stage -> given modalities -> metric -> figure -> value."""
        content = self.mapping(self.folder.results, "results", "the run has no results yet")
        if _is_tree(content, 4):
            return content
        self.missing["results"] = f"{self.folder.results.name} is damaged"
        return {}

    def lines(self, path: Path, part: str, keys: Mapping[str, type], without: str) -> list[Mapping[str, Any]]:
        """Read the JSON objects with these keys from a file of lines; the last may have been cut off when the run was killed."""
        try:
            written = path.read_text(encoding="utf-8").splitlines()
        except (OSError, UnicodeDecodeError):
            self.missing[part] = without if not path.exists() else f"{path.name} is damaged"
            return []
        parsed = (_parsed(line) for line in written)
        objects: list[Mapping[str, Any]] = [
            each for each in parsed if isinstance(each, dict) and all(isinstance(each.get(k), t) for k, t in keys.items())
        ]
        if not objects and without:
            self.missing[part] = without
        return objects

    def origins(self, of_config: Callable[[], Iterator[tuple[str, Any, Any]]]) -> Iterator[Origin]:
        """Read the origins as they were when the run began; of an older run, the values alone."""
        rows = _read_json(self.folder.origins)
        if isinstance(rows, list) and all(isinstance(row, list) and len(row) == 3 for row in rows):
            yield from ((str(key), value, str(place)) for key, value, place in rows)
            return
        self.missing["config"] = "where the values were written was not kept"
        yield from ((key, value, "") for key, value, _ in of_config())


def _is_tree(value: Any, depth: int) -> bool:
    """Return whether a value is mappings within mappings, so deep, with numbers at the ends."""
    if depth == 0:
        return isinstance(value, int | float)
    return isinstance(value, dict) and all(_is_tree(each, depth - 1) for each in value.values())


def _read_json(path: Path) -> Any:
    """Parse a file; None where it does not exist or is not JSON."""
    try:
        return _parsed(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError):
        return None


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None
