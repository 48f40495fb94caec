"""Optional members are those that the code asks for: every documented one is there on something that ships."""

from __future__ import annotations

import pytest

from antifaz.core import interfaces
from antifaz.data.clips import Clip
from antifaz.data.samples import MediaSamples
from antifaz.registry import Plugins

SPECS = {
    "CanPeek": ("folder", "dataset"),
    "MakesSamples": ("folder", "dataset"),
    "ReadsText": ("bytes", "decoder"),
    "NeedsFiles": ("torchvision_vit", "weights"),
    "DrawsRandomly": ("masked_prediction", "objective"),
    "NeedsWholeBatch": ("info_nce", "objective"),
    "ScoresClasses": ("cross_entropy", "objective"),
}


def members(protocol: str) -> set[str]:
    """Return the names that a protocol states, as attributes or as methods."""
    kind = getattr(interfaces, protocol)
    return {name for name in (*kind.__annotations__, *vars(kind)) if not name.startswith("_")}


@pytest.mark.parametrize("protocol", SPECS)
def test_specs_have_the_members_that_are_documented(protocol: str, plugins: Plugins) -> None:
    name, kind = SPECS[protocol]
    spec = plugins.catalogue.find(name, [kind]).spec
    options = {field.name for field in spec.__attrs_attrs__}
    assert members(protocol)
    assert members(protocol) <= options | {member for member in dir(spec) if not member.startswith("_")}


def test_samples_have_the_members_that_are_documented() -> None:
    samples = MediaSamples([], {}, {}, Clip(seconds=1.0), training=False)
    for protocol in ("HasViews", "HasSentences"):
        assert members(protocol)
        assert all(hasattr(samples, member) for member in members(protocol))
