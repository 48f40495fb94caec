"""Refusals: what the checks of a spec say to values that have the right types, each at the option that it is about."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs

from antifaz.registry.documents.tree import KeyPath
from antifaz.registry.errors import SpecError

from .options import key_of


@attrs.frozen
class Refusal:
    """path: the steps from the spec's mapping to the option to blame; none for the spec as a whole."""

    path: KeyPath
    message: str
    hint: str | None = None


def refusals(spec: type, values: Mapping[str, Any], error: Exception) -> list[Refusal]:
    """List what each validator by itself refuses of these values; where none does, `error` alone.

    error: what making the spec raised, which stops at the first that refuses.
    """
    try:
        with attrs.validators.disabled():
            instance = _without_last_check(spec)(**values)
    except Exception:  # a converter or a default failed, so that there is nothing to show to a validator
        return [_refusal(spec, error)]
    listed = []
    for field in attrs.fields(spec):
        try:
            if field.validator is not None:
                field.validator(instance, field, getattr(instance, field.name))
        except Exception as own:
            listed.append(_refusal(spec, own, field, getattr(instance, field.name, None)))
    return listed or [_refusal(spec, error)]


def _without_last_check(spec: type) -> type:
    """Return the spec without `__attrs_post_init__`: validators come first, and it may rely on them."""
    return type(spec.__name__, (spec,), {"__attrs_post_init__": lambda self: None, "__slots__": ()})


def _refusal(spec: type, error: Exception, field: attrs.Attribute[Any] | None = None, value: Any = None) -> Refusal:
    """Put into words what was raised. field, value: whose validator did, if one, and what it was shown."""
    at = () if field is None else (key_of(field),)
    if isinstance(error, SpecError):
        return Refusal(error.path or at, error.message, error.hint)
    message = str(error.args[0]) if error.args else ""
    if not isinstance(error, ValueError | TypeError) or not message:
        return Refusal(at, f"{spec.__name__} fails on these options: {type(error).__name__}: {error}")
    return Refusal(at, message if field is None else _in_our_words(message, field, value))


def _in_our_words(message: str, field: attrs.Attribute[Any], value: Any) -> str:
    """Name the option as YAML does where one of attrs' own validators refuses a value: `'depth' must be >= 1: 0`."""
    theirs, shown = f"'{field.name}' ", f": {value}"
    if not message.startswith(theirs):
        return message
    words = message.removeprefix(theirs)
    return f"`{key_of(field)}` " + (f"{words.removesuffix(shown)}, not {value}" if words.endswith(shown) else words)
