"""The kinds of components: where each is named in YAML, what arrives at it, how the graph calls it, which checks it must pass.

This table is the one place that knows them. No torch.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Literal

import attrs

from antifaz import registry

if TYPE_CHECKING:
    from torch import nn

    from .tokens import Features, Tokens

    Arriving = Mapping[str, Tokens | Features]
    Leaving = dict[str, Tokens | Features]
    Call = Callable[[nn.Module, Arriving, frozenset[str], int], Tokens | Features | Leaving]


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
    told: dict[str, Any] = {"outputs": asked} if getattr(module, "takes_outputs", False) else {}
    leaving: Leaving = module(dict(arriving), **told)
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

    accepts: Literal["one tensor", "tokens", "tensors", "nothing"] | None = None
    call: Call | None = None
    checks: tuple[str, ...] = ()


NODE = "graph node"
EVERY_NODE = (
    "nodes.shapes",
    "nodes.meta_device",
    "nodes.determinism",
    "nodes.batch_independence",
    "nodes.bfloat16",
    "nodes.compilation",
    "nodes.state_dict",
    "nodes.trained_parameters",
)
STREAMS = ("nodes.routing", "nodes.absent_streams", "nodes.invalid_tokens", "nodes.order_of_streams")

KINDS: Mapping[str, Kind] = {
    kind.name: kind
    for kind in (
        Kind(
            name="tokenizer",
            space=NODE,
            about="raw modality -> tokens",
            accepts="one tensor",
            call=call_tokenizer,
            checks=(*EVERY_NODE, "nodes.absent_samples"),
        ),
        Kind(
            name="latents",
            space=NODE,
            about="learned tokens that belong to no modality",
            accepts="nothing",
            call=call_latents,
            checks=EVERY_NODE,
        ),
        Kind(
            name="backbone",
            space=NODE,
            about="tokens -> tokens under a routing",
            accepts="tokens",
            call=call_backbone,
            checks=(*EVERY_NODE, *STREAMS),
        ),
        Kind(
            name="readout",
            space=NODE,
            about="tokens -> features",
            accepts="tokens",
            call=call_readout,
            checks=(*EVERY_NODE, *STREAMS),
        ),
        Kind(
            name="head",
            space=NODE,
            about="features -> logits or embeddings",
            accepts="tensors",
            call=call_head,
            checks=(*EVERY_NODE, "nodes.routing", "nodes.absent_streams", "nodes.absent_samples"),
        ),
        Kind(
            name="mask",
            space="mask policy",
            about="which stream reads which",
            checks=("masks.covers_readers", "masks.learned_readers", "masks.dense_reference", "masks.order_of_streams"),
        ),
        Kind(
            name="objective",
            space="objective",
            about="a weighted loss term",
            checks=(
                "losses.finite_with_gradients",
                "losses.absent_samples",
                "losses.nothing_there",
                "losses.order_of_samples",
                "losses.meta_device",
            ),
        ),
        Kind(
            name="optimizer",
            space="optimizer",
            about="gradients -> new weights",
            checks=("training.reduces_a_loss", "training.goes_on_from_its_state"),
        ),
        Kind(
            name="schedule",
            space="schedule",
            about="the course of the learning rate",
            checks=("training.sane_rates",),
        ),
        Kind(
            name="callback",
            space="callback",
            about="called around a training stage and after its steps",
            checks=("training.survives_a_loop",),
        ),
        Kind(
            name="logger",
            space="logger",
            about="keeps the figures of a run",
            checks=("training.takes_figures",),
        ),
        Kind(
            name="metric",
            space="metric",
            about="a figure computed over a whole evaluation set",
            checks=("losses.finite", "losses.absent_samples_of_metrics", "losses.order_in_metrics"),
        ),
        Kind(
            name="dataset",
            space="dataset",
            about="yields samples",
            checks=("data.declared_shapes", "data.seeded_samples", "data.names_and_counts"),
        ),
        Kind(name="decoder", space="decoder", about="a media file -> the tensor of one modality", checks=("data.decoded_shapes",)),
        Kind(name="transform", space="transform", about="augments one modality of one sample", checks=("data.keeps_the_form",)),
        Kind(
            name="batch_transform",
            space="batch transform",
            about="changes a whole batch: mixing, dropping modalities",
            checks=("data.declared_batches",),
        ),
        Kind(
            name="weights",
            space="weights",
            about="another library's checkpoint -> weights of graph nodes",
            checks=("weights.parts_are_declared", "weights.tensors_are_whole"),
        ),
    )
}


def kind_of(spec: type | object) -> Kind:
    """The kind of a spec class, or of one of its instances."""
    return KINDS[registry.declaration_of(spec).kind]
