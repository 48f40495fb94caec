"""Shipped data sets, decoders and transforms keep the contracts of data."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from antifaz.core.interfaces import BatchTransformSpec, DatasetSpec, DecoderSpec, SampleSet, TransformSpec, views_of
from antifaz.data.cache import CachedSamples
from antifaz.data.samples import MediaSamples
from antifaz.plugins.mixture.samples import JoinedSample, MixedSamples
from antifaz.registry import Plugins
from tests.support.protocols import broken_promises

CONTRACTS = {"dataset": DatasetSpec, "decoder": DecoderSpec, "transform": TransformSpec, "batch_transform": BatchTransformSpec}


@pytest.mark.parametrize("kind", CONTRACTS)
def test_shipped_specs_keep_their_contract(plugins: Plugins, kind: str) -> None:
    specs = [component.spec for component in plugins.catalogue if component.kind.name == kind]
    assert specs
    assert {spec.__name__: broken for spec in specs if (broken := broken_promises(spec, CONTRACTS[kind]))} == {}


@pytest.mark.parametrize("class_", [MediaSamples, CachedSamples, MixedSamples, JoinedSample])
def test_sample_sets_keep_theirs(class_: type) -> None:
    assert broken_promises(class_, SampleSet) == []


def test_a_set_without_views_has_one() -> None:
    assert views_of(SimpleNamespace()) == 1
    assert views_of(SimpleNamespace(views=6)) == 6
