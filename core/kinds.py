"""The kinds of components: where each is named in YAML, what arrives at it, how the graph calls it, which checks it must pass.

This table is the one place that knows them. No torch.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Literal

import attrs

from antifaz import registry

if TYPE_CHECKING:
    from torch import nn

    from .tokens import Features, Tokens

    Arriving = Mapping[str, Tokens | Features]
    Leaving = dict[str, Tokens | Features]
    Call = Callable[[nn.Module, Arriving, frozenset[str], int], Tokens | Features | Leaving]


Accepts = Literal["one tensor", "tokens", "tensors", "nothing"]


def call_tokenizer(module: nn.Module, arriving: Arriving, asked: frozenset[str], size: int) -> Tokens:
    """`module(raw, valid)`: a tensor (batch, ...) and its presence (batch,) bool or None."""
    (raw,) = arriving.values()
    tokens: Tokens = module(raw.values, raw.valid)
    return tokens


def call_latents(module: nn.Module, arriving: Arriving, asked: frozenset[str], size: int) -> Tokens:
    """`module(batch_size)`."""
    tokens: Tokens = module(size)
    return tokens


def call_backbone(module: nn.Module, arriving: Arriving, asked: frozenset[str], size: int) -> Leaving:
    """`module({stream: Tokens})`; a module with `takes_outputs = True` is also told which outputs are asked."""
    if getattr(module, "takes_outputs", False):
        return call_readout(module, arriving, asked, size)
    leaving: Leaving = module(dict(arriving))
    return leaving


def call_readout(module: nn.Module, arriving: Arriving, asked: frozenset[str], size: int) -> Leaving:
    """`module({stream: Tokens}, outputs=...)`."""
    leaving: Leaving = module(dict(arriving), outputs=asked)
    return leaving


def call_head(module: nn.Module, arriving: Arriving, asked: frozenset[str], size: int) -> Leaving:
    """`module({name: Features})`."""
    leaving: Leaving = module(dict(arriving))
    return leaving


@attrs.frozen(kw_only=True)
class Kind(registry.Kind):
    """A kind of components.

    accepts: what arrives at a graph node; None where components of this kind are no graph nodes.
    call: how the graph calls the module of a node: (module, {name: value}, outputs that are asked, batch size) -> values.
    checks: the functions of `antifaz.testing` that hold a component of this kind to its contract, as `file.function`.
    """

    accepts: Accepts | None = None
    call: Call | None = None
    checks: tuple[str, ...] = ()


EVERY_NODE = (
    "nodes.shapes nodes.meta_device nodes.determinism nodes.batch_independence nodes.bfloat16 nodes.compilation nodes.state_dict "
    "nodes.trained_parameters "
)
STREAMS = "streams.routing streams.absent_streams streams.absent_or_missing streams.invalid_tokens streams.order_of_streams"
FEATURES = "streams.routing streams.absent_streams streams.absent_or_missing streams.absent_samples"


def _node(name: str, about: str, accepts: Accepts, call: Call, checks: str = "") -> Kind:
    return Kind(name=name, space="graph node", about=about, accepts=accepts, call=call, checks=tuple((EVERY_NODE + checks).split()))


def _other(name: str, about: str, checks: str, space: str = "") -> Kind:
    return Kind(name=name, space=space or name.replace("_", " "), about=about, checks=tuple(checks.split()))


KINDS: Mapping[str, Kind] = {
    kind.name: kind
    for kind in (
        _node("tokenizer", "raw modality -> tokens", "one tensor", call_tokenizer, "streams.absent_samples"),
        _node("latents", "learned tokens that belong to no modality", "nothing", call_latents),
        _node("backbone", "tokens -> tokens under a routing", "tokens", call_backbone, STREAMS),
        _node("readout", "tokens -> features", "tokens", call_readout, STREAMS),
        _node("head", "features -> logits or embeddings", "tensors", call_head, FEATURES),
        _other(
            "mask",
            "which stream reads which",
            "masks.covers_readers masks.learned_readers masks.dense_reference masks.order_of_streams",
            space="mask policy",
        ),
        _other(
            "objective",
            "a weighted loss term",
            "losses.finite_with_gradients losses.absent_samples losses.nothing_there losses.order_of_samples losses.meta_device "
            "spread.over_processes",
        ),
        _other("optimizer", "gradients -> new weights", "training.reduces_a_loss training.goes_on_from_its_state"),
        _other("schedule", "the course of the learning rate", "training.sane_rates"),
        _other("callback", "called around a training stage and after its steps", "training.survives_a_loop"),
        _other("logger", "keeps the figures of a run", "training.takes_figures"),
        _other(
            "metric",
            "a figure computed over a whole evaluation set",
            "losses.finite losses.absent_samples_of_metrics losses.order_in_metrics",
        ),
        _other("dataset", "yields samples", "data.declared_shapes data.seeded_samples data.names_and_counts data.given_samples"),
        _other("decoder", "a media file -> the tensor of one modality", "data.decoded_shapes"),
        _other("transform", "augments one modality of one sample", "data.keeps_the_form"),
        _other("batch_transform", "changes a whole batch: mixing, dropping modalities", "data.declared_batches"),
        _other(
            "weights",
            "another library's checkpoint -> weights of graph nodes",
            "weights.parts_are_declared weights.tensors_are_whole",
        ),
    )
}


def kind_of(spec: type | object) -> Kind:
    """Return the kind of a spec class, or of one of its instances."""
    return KINDS[registry.declaration_of(spec).kind]
