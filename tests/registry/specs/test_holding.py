"""A component within a spec is held to what it promises, and the spec itself stays as it was."""

from __future__ import annotations

from typing import Any

import attrs
import pytest

from antifaz.registry import SpecError, component
from antifaz.registry.specs.holding import holding


@component("colour", "grey")
@attrs.frozen
class Grey:
    shade: int = 1

    def mixed(self, share: int) -> int:
        if share < 0:
            raise SpecError("no negative share", field="share")
        return 10 // share * self.shade


@attrs.frozen
class Wall:
    paint: Any
    height: int = 2


def too_dark(returned: int, share: int) -> tuple[str, str] | None:
    return (f"is {returned} for {share}", "mix less") if returned > 5 else None


def test_what_a_method_returns_is_judged() -> None:
    wall = Wall(Grey())
    held = holding(wall, "colour", "mixed", too_dark)
    assert (held.height, held.paint.shade, held.paint.mixed(2)) == (2, 1, 5)
    assert isinstance(wall.paint, Grey)
    with pytest.raises(SpecError, match=r"the colour 'grey' of the plugin '.*' is 10 for 1") as refused:
        held.paint.mixed(1)
    assert (refused.value.field, refused.value.hint) == ("paint", "mix less")
    with pytest.raises(SpecError, match=r"the colour 'grey' of the plugin '.*' failed: ZeroDivisionError"):
        held.paint.mixed(0)
    with pytest.raises(SpecError) as own:
        held.paint.mixed(-1)
    assert (own.value.message, own.value.field) == ("no negative share", "share")


def test_a_spec_without_such_components_is_itself() -> None:
    wall = Wall("white")
    assert holding(wall, "colour", "mixed", too_dark) is wall
    assert holding(wall.paint, "colour", "mixed", too_dark) == "white"
