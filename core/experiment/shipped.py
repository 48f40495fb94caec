"""Configs that come with the package."""

from __future__ import annotations

from importlib import resources
from pathlib import Path


def shipped(name: str) -> Path | None:
    """The file of a shipped config by its bare name (`quickstart`, `models/vit-base`), or None."""
    place = resources.files("antifaz.configs").joinpath(f"{name}.yaml")
    path = Path(str(place))
    return path if path.is_file() else None


def shipped_names() -> list[str]:
    root = Path(str(resources.files("antifaz.configs")))
    return sorted(str(path.relative_to(root).with_suffix("")) for path in root.rglob("*.yaml"))
