"""How far a class keeps a protocol: the methods that it lacks, or that could not be called as the protocol says."""

from __future__ import annotations

import inspect
from typing import Any


def broken_promises(class_: type, protocol: type, *, optional: tuple[str, ...] = ()) -> list[str]:
    """Return each method of the protocol that the class lacks, or that takes other arguments."""
    broken = []
    for name, declared in _methods(protocol).items():
        own = getattr(class_, name, None)
        if own is None:
            broken += [] if name in optional else [f"{name} is missing"]
        elif not _takes(own, declared):
            broken.append(f"{name}{inspect.signature(own)} cannot be called as {name}{inspect.signature(declared)}")
    return broken


def _methods(protocol: type) -> dict[str, Any]:
    return {name: value for name, value in vars(protocol).items() if inspect.isfunction(value) and not name.startswith("_")}


def _takes(own: Any, declared: Any) -> bool:
    """Can this be called with the arguments that were declared, by position and by name?"""
    parameters = inspect.signature(declared).parameters.values()
    named = {each.name: None for each in parameters if each.kind is each.KEYWORD_ONLY}
    names = [each.name for each in parameters if each.name not in named]
    try:
        inspect.signature(own).bind(*names, **named)
        inspect.signature(own).bind(names[0], **dict.fromkeys(names[1:]), **named)
    except TypeError:
        return False
    return True
