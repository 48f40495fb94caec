"""Components within a spec, held to what they promise: what a method of theirs returns is judged before the spec sees it."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any, TypeVar

import attrs

from antifaz.registry.errors import SpecError
from antifaz.registry.failures import PLUGIN_FAULT_HINT, failure, plugin_of
from antifaz.registry.plugins.components import Declaration

from .options import key_of

Spec = TypeVar("Spec")
Fault = Callable[..., tuple[str, str] | None]


def holding(spec: Spec, kind: str, method: str, fault: Fault) -> Spec:
    """Return a copy of a spec whose options of this kind are held; the spec itself where it has none.

    method: of the components that the options hold. fault: called with what that returns, and its arguments; says what is wrong and
    what to do, or None. A fault, and whatever else the method raises, becomes a SpecError at the option that names the component.
    """
    held = {}
    cls: Any = type(spec)
    for field in attrs.fields(cls) if attrs.has(cls) else ():
        value = getattr(spec, field.name)
        declared = type(value).__dict__.get("__antifaz__")
        if isinstance(declared, Declaration) and declared.kind == kind:
            held[field.name] = _Held(value, declared, key_of(field), method, fault)
    if not held:
        return spec
    changed = copy.copy(spec)
    for name, value in held.items():
        object.__setattr__(changed, name, value)  # specs are frozen
    return changed


class _Held:
    """Stands in the place of a component."""

    def __init__(self, component: Any, declaration: Declaration, option: str, method: str, fault: Fault) -> None:
        self._component, self._method, self._fault, self._option = component, method, fault, option
        self._who = f"the {declaration.kind} {declaration.name!r} of the plugin {plugin_of(component)!r}"

    def __getattr__(self, name: str) -> Any:
        return self._judged if name == self._method else getattr(self._component, name)

    def _judged(self, *arguments: Any, **named: Any) -> Any:
        try:
            returned = getattr(self._component, self._method)(*arguments, **named)
        except SpecError as error:
            if error.field is not None:
                raise
            raise SpecError(f"{self._who}: {error.message}", field=self._option, hint=error.hint) from None
        except Exception as error:  # whatever a plugin's own code raises
            message = f"{self._who} failed: {failure(error, self._component)}"
            raise SpecError(message, field=self._option, hint=PLUGIN_FAULT_HINT) from None
        if (fault := self._fault(returned, *arguments, **named)) is not None:
            raise SpecError(f"{self._who} {fault[0]}", field=self._option, hint=fault[1])
        return returned
