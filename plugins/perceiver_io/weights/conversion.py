"""State dicts of transformers' Perceiver models as parts of a graph.

Parts are named like the nodes of the shipped graphs (configs/models/perceiver/*.yaml):

| part | node | models |
| --- | --- | --- |
| latents | latents | all |
| encoder | perceiver | all |
| decoder | perceiver_decoder | all |
| query | latents: learned output queries | masked language, classification |
| text | vocabulary_embeddings | masked language, sequence classification |
| logits | vocabulary_logits; its embedding is tied to the text's | masked language |
| image | array_patches or conv_stem | image classification with learned positions or convolution |
| pixels | array_patches | optical flow |
| inputs, queries | modality_padding | multimodal autoencoding |
| label_query | latents | multimodal autoencoding |
| video_out, audio_out, label_out | token_values | multimodal autoencoding |
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

LAYER: Mapping[str, str] = {
    "attention.self.layernorm1": "reader_norm",
    "attention.self.layernorm2": "source_norm",
    "attention.self.query": "attention.query",
    "attention.self.key": "attention.key",
    "attention.self.value": "attention.value",
    "attention.output.dense": "attention.out",
    "layernorm": "mlp_norm",
    "mlp.dense1": "mlp.up",
    "mlp.dense2": "mlp.down",
}
"""Modules of a layer: theirs -> ours."""

MODALITIES: Mapping[str, str] = {"image": "video"}
"""Names of streams that differ: theirs -> ours."""

_LAYER = r"(?P<module>" + "|".join(re.escape(name) for name in LAYER) + r")\.(?P<leaf>weight|bias)"

Name = Callable[[re.Match[str]], str]


def _modality(match: re.Match[str]) -> str:
    return MODALITIES.get(match["modality"], match["modality"])


def _layer(prefix: str) -> Name:
    return lambda m: f"{prefix}{m.groupdict().get('index', '')}.{LAYER[m['module']]}.{m['leaf']}"


def _same(name: str) -> Name:
    return lambda m: name + m.groupdict().get("leaf", "")


_RULES: tuple[tuple[str, str | Name, Name], ...] = (
    (r"perceiver\.embeddings\.latents", "latents", _same("values")),
    (rf"perceiver\.encoder\.cross_attention\.{_LAYER}", "encoder", _layer("cross")),
    (rf"perceiver\.encoder\.self_attends\.(?P<index>\d+)\.{_LAYER}", "encoder", _layer("layers.")),
    (rf"perceiver\.decoder\.(decoder\.)?decoding_cross_attention\.{_LAYER}", "decoder", _layer("cross")),
    (r"perceiver\.decoder\.(decoder\.)?final_layer\.(?P<leaf>weight|bias)", "decoder", _same("final.")),
    (r"perceiver\.decoder\.(decoder\.)?output_position_encodings\.position_embeddings", "query", _same("values")),
    (r"perceiver\.input_preprocessor\.embeddings\.weight", "text", _same("embedding.weight")),
    (r"perceiver\.input_preprocessor\.position_embeddings\.weight", "text", _same("positions")),
    (r"embedding_decoder\.bias", "logits", _same("bias")),
    (r"perceiver\.input_preprocessor\.convnet_1x1\.(?P<leaf>weight|bias)", "image", _same("project.")),
    (r"perceiver\.input_preprocessor\.position_embeddings\.position_embeddings", "image", _same("place.table.table")),
    (r"perceiver\.input_preprocessor\.positions_projection\.(?P<leaf>weight|bias)", "image", _same("place.table.project.")),
    (r"perceiver\.input_preprocessor\.convnet\.conv\.weight", "image", _same("conv.weight")),
    (r"perceiver\.input_preprocessor\.convnet\.batchnorm\.(?P<leaf>weight|bias)", "image", _same("norm.")),
    (r"perceiver\.input_preprocessor\.convnet\.batchnorm\.running_mean", "image", _same("norm.mean")),
    (r"perceiver\.input_preprocessor\.convnet\.batchnorm\.running_var", "image", _same("norm.variance")),
    (r"perceiver\.input_preprocessor\.conv_after_patches\.(?P<leaf>weight|bias)", "pixels", _same("project.")),
    (r"perceiver\.input_preprocessor\.padding\.(?P<modality>\w+)", "inputs", lambda m: f"padding.{_modality(m)}"),
    (r"perceiver\.input_preprocessor\.mask\.(?P<modality>\w+)", "inputs", lambda m: f"masks.{_modality(m)}"),
    (r"perceiver\.decoder\.padding\.(?P<modality>\w+)", "queries", lambda m: f"padding.{_modality(m)}"),
    (
        r"perceiver\.decoder\.modalities\.label\.decoder\.output_position_encodings\.position_embeddings",
        "label_query",
        _same("values"),
    ),
    (
        r"perceiver\.output_postprocessor\.modalities\.(?P<modality>\w+)\.classifier\.(?P<leaf>weight|bias)",
        lambda m: f"{_modality(m)}_out",
        _same("project."),
    ),
)

IGNORED = re.compile(r".*\.num_batches_tracked")
"""Counts that nothing here needs."""


def translate(state: Mapping[str, Tensor]) -> dict[str, dict[str, Tensor]]:
    """Part -> state dict in the names of the module that plays it; what is not known goes into the part "" as it is."""
    parts: dict[str, dict[str, Tensor]] = {}
    for name, value in state.items():
        if IGNORED.fullmatch(name):
            continue
        part, renamed = _place(name)
        parts.setdefault(part, {})[renamed] = _shaped(part, renamed, value)
    return parts


def _place(name: str) -> tuple[str, str]:
    for pattern, part, rename in _RULES:
        match = re.fullmatch(pattern, name)
        if match:
            return (part if isinstance(part, str) else part(match)), rename(match)
    return "", name


def _shaped(part: str, name: str, value: Tensor) -> Tensor:
    """Shape a tensor for our modules: linear maps for 1x1 convolutions, vectors for tables with one row."""
    if (part, name) == ("image", "project.weight") and value.dim() == 4:
        return value.flatten(1)
    if part in ("inputs", "queries") and value.dim() == 2:
        return value[0]
    return value
