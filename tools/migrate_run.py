"""Brings the config of a run that was made before optimizers were components to today's words.

python tools/migrate_run.py RUN...    run folders; the config as it was stays beside the new one, as config.yaml.before

Weights need no migration: older names of parameters are understood when they are loaded. In configs of your own, `antifaz check`
names every word that has changed, with the new one, at its line.
"""

from __future__ import annotations

import argparse
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from antifaz.core.errors import FolderError
from antifaz.engine.run_folder import RunFolder
from antifaz.registry import AntifazError, ConfigError, load_document, write_yaml
from antifaz.registry.files import write_atomically

SCHEDULE = ("warmup", "final")
"""Options of the old optimizer that are the schedule's now."""


def migrate(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return a config in today's words; one that is in them already comes back as it is."""
    migrated = dict(config)
    if isinstance(config.get("inputs"), Mapping):
        migrated["inputs"] = {name: _renamed(entry, {"below": "vocab_size"}) for name, entry in config["inputs"].items()}
    if isinstance(config.get("published"), Mapping):
        migrated["published"] = _renamed(config["published"], {"convention": "counted_by"})
    if isinstance(config.get("stages"), Mapping):
        migrated["stages"] = {name: _stage(stage) for name, stage in config["stages"].items()}
    return migrated


def _stage(stage: Any) -> Any:
    if not isinstance(stage, Mapping):
        return stage
    migrated: dict[str, Any] = _renamed(stage, {"clip": "grad_clip"})
    if isinstance(optimizer := stage.get("optimizer"), Mapping) and "use" not in optimizer:
        options = {key: value for key, value in optimizer.items() if key not in ("method", "schedule", *SCHEDULE)}
        migrated["optimizer"] = {"use": optimizer.get("method", "adamw"), **options}
        of_schedule = {key: optimizer[key] for key in SCHEDULE if key in optimizer}
        migrated["schedule"] = {"use": optimizer.get("schedule", "cosine"), **_renamed(of_schedule, {"final": "min_lr_ratio"})}
    if isinstance(metrics := stage.get("metrics"), Mapping):
        words = {"given": "present", "views": "average_views"}
        migrated["metrics"] = {name: _renamed(entry, words) for name, entry in metrics.items()}
    return migrated


def _renamed(entry: Any, words: Mapping[str, str]) -> Any:
    return {words.get(key, key): value for key, value in entry.items()} if isinstance(entry, Mapping) else entry


def migrate_run(root: Path) -> bool:
    """Rewrite the config of a run folder, which stands alone: a run keeps it resolved. Returns whether there was anything to do.

    Raises:
        FolderError: there is no run in this folder. ConfigError: its config is not YAML any more.
    """
    folder = RunFolder(root)
    folder.require_run()
    if any(line.startswith("extends:") for line in folder.config.read_text(encoding="utf-8").splitlines()):
        raise FolderError(f"{folder.config} extends another file: it was not written by a run")
    document = load_document(folder.config)
    if document.problems:
        raise ConfigError(document.problems)
    migrated = migrate(document.data)
    if migrated == document.data:
        return False
    shutil.copyfile(folder.config, root / f"{folder.config.name}.before")
    write_atomically(folder.config, write_yaml(migrated))
    return True


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", nargs="+", type=Path)
    try:
        for root in parser.parse_args().runs:
            print(f"{root}: rewritten" if migrate_run(root) else f"{root}: nothing to change")
    except AntifazError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
