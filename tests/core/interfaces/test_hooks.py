"""Hooks: the names that a plugin may implement, and what each is called with."""

from __future__ import annotations

import inspect

from antifaz.core.interfaces import hooks
from antifaz.registry import Plugins

HOOKS = {name: value for name, value in vars(hooks).items() if name.startswith("antifaz_")}


def test_every_hook_is_documented_and_known_to_the_plugins(plugins: Plugins) -> None:
    assert {"antifaz_components", "antifaz_examples", "antifaz_run_start", "antifaz_run_end"} <= HOOKS.keys()
    for name, hook in HOOKS.items():
        assert hook.__doc__, name
        assert hasattr(plugins.manager.hook, name)


def test_hooks_of_a_run_are_given_the_run() -> None:
    for name, hook in HOOKS.items():
        if name not in ("antifaz_components", "antifaz_examples"):
            assert next(iter(inspect.signature(hook).parameters)) == "run", name
