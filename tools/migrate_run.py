"""Rewrites the config of a run folder, or any YAML config, from the words of before the optimizer was a component.

python tools/migrate_run.py FILE...    config.yaml of run folders, or configs of your own; a copy stays beside each as NAME.before

Comments are not kept. Weights need no migration: older names of parameters are understood when they are loaded.
"""

from __future__ import annotations

import argparse
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from antifaz.registry import load_document, write_yaml
from antifaz.registry.files import write_atomically

SCHEDULE = ("warmup", "final")
"""Options of the old optimizer that are the schedule's now."""


def migrate(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return a config in today's words; one that is in them already comes back as it is."""
    migrated = dict(config)
    if "inputs" in config:
        migrated["inputs"] = {name: _renamed(entry, {"below": "vocab_size"}) for name, entry in config["inputs"].items()}
    if isinstance(config.get("published"), Mapping):
        migrated["published"] = _renamed(config["published"], {"convention": "counted_by"})
    if "stages" in config:
        migrated["stages"] = {name: _stage(stage) for name, stage in (config["stages"] or {}).items()}
    return migrated


def _stage(stage: Mapping[str, Any]) -> dict[str, Any]:
    migrated: dict[str, Any] = _renamed(stage, {"clip": "grad_clip"})
    if isinstance(optimizer := stage.get("optimizer"), Mapping) and "use" not in optimizer:
        options = {key: value for key, value in optimizer.items() if key not in ("method", "schedule", *SCHEDULE)}
        migrated["optimizer"] = {"use": optimizer.get("method", "adamw"), **options}
        of_schedule = {key: optimizer[key] for key in SCHEDULE if key in optimizer}
        migrated["schedule"] = {"use": optimizer.get("schedule", "cosine"), **_renamed(of_schedule, {"final": "min_lr_ratio"})}
    if "metrics" in stage:
        words = {"given": "present", "views": "average_views"}
        migrated["metrics"] = {name: _renamed(entry, words) for name, entry in stage["metrics"].items()}
    return migrated


def _renamed(entry: Any, words: Mapping[str, str]) -> Any:
    return {words.get(key, key): value for key, value in entry.items()} if isinstance(entry, Mapping) else entry


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="+", type=Path)
    for path in parser.parse_args().files:
        before = load_document(path).data
        after = migrate(before)
        if after == before:
            print(f"{path}: nothing to change")
            continue
        shutil.copyfile(path, path.with_name(f"{path.name}.before"))
        write_atomically(path, write_yaml(after))
        print(f"{path}: rewritten; the old one is {path.name}.before")


if __name__ == "__main__":
    main()
