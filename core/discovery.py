"""Every installed plugin, with the kinds of components and the hooks that Antifaz has."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from antifaz.registry import Plugins, discover_plugins

from .interfaces import hooks
from .kinds import KINDS


def discover(files: Sequence[str | Path] = ()) -> Plugins:
    """Load every installed plugin, and the given Python files. An installed plugin that fails is a row with its reason.

    Raises:
        PluginError: a given file that cannot be loaded, or that claims a taken name.
    """
    return discover_plugins(files, kinds=KINDS, hooks=hooks)
