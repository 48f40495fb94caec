"""The shipped experiments, found by importlib.resources; `antifaz run NAME` takes any of them by its bare name."""

from __future__ import annotations

from importlib import resources
from pathlib import Path


def shipped(name: str) -> Path | None:
    """Return the file of a shipped config (`quickstart`, `models/vit-base`), or None; folders may be left out of its name."""
    asked = name.split("/")
    for path, parts in _files().items():
        rest = iter(parts)
        if parts[-1] == asked[-1] and all(part in rest for part in asked):
            return path
    return None


def shipped_names() -> list[str]:
    """Return the short names: the file's, after `models/` where it describes a model alone."""
    return sorted("/".join([*(["models"] if parts[0] == "models" else []), parts[-1]]) for parts in _files().values())


def _files() -> dict[Path, tuple[str, ...]]:
    """Return the shipped files, each with its folders and its name without the suffix."""
    root = Path(str(resources.files(__name__)))
    return {path: path.relative_to(root).with_suffix("").parts for path in sorted(root.rglob("*.yaml"))}
