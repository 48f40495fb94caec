"""Every installed plugin, with the kinds of components and the hooks that Antifaz has."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from antifaz.registry import Plugins, discover_plugins

from .interfaces import hooks
from .kinds import KINDS


def discover(files: Sequence[str | Path] = (), components: Sequence[type] = ()) -> Plugins:
    """Load every installed plugin, these Python files and these component classes. An installed one that fails is a row.

    Raises:
        PluginError: a file or component that cannot be loaded, or that claims a taken name.
    """
    return discover_plugins(files, components, kinds=KINDS, hooks=hooks)
