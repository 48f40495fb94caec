"""Tiny members of this plugin's families, for the conformance kit."""

from __future__ import annotations

from pathlib import Path

from antifaz.core.examples import Example
from antifaz.core.streams import Shape, Stream

STREAMS = {
    "video": Stream("video", 12, (2, 2, 2)),
    "audio": Stream("audio", 12, (5,)),
    "latents": Stream("latents", 16, (3,), latent=True),
}

QUERIES = {
    "pixels": Stream("pixels", 12, (2, 3)),
    "label": Stream("label", 12, (1,), latent=True),
    "latents": Stream("latents", 16, (3,), latent=True),
}

UNEVEN = {"video": Stream("video", 10, (2, 2)), "audio": Stream("audio", 7, (5,))}

PICTURE = {"picture": Shape((3, 8, 8))}


def checkpoint(folder: Path) -> None:
    """A tensor or two of each part of a masked language model, as transformers names them."""
    import torch
    from safetensors.torch import save_file

    names = (
        "perceiver.input_preprocessor.embeddings.weight",
        "perceiver.embeddings.latents",
        "perceiver.encoder.cross_attention.attention.self.query.weight",
        "perceiver.encoder.self_attends.1.mlp.dense1.bias",
        "perceiver.decoder.decoding_cross_attention.layernorm.weight",
        "perceiver.decoder.output_position_encodings.position_embeddings",
        "embedding_decoder.bias",
    )
    save_file({name: torch.randn(3, 2) for name in names}, folder / "model.safetensors")
    (folder / "config.json").write_text('{"architectures": ["PerceiverForMaskedLM"]}')


EXAMPLES = [
    Example("weights", "{use: transformers_perceiver, folder: $FOLDER, model: masked_language}", prepare=checkpoint),
    Example("backbone", "{use: perceiver, layers: 2, blocks: 2, cross_heads: 2, self_heads: 4}", STREAMS),
    Example(
        "backbone",
        "{use: perceiver, layers: 1, qk_width: 8, v_width: 12, self_heads: 2, self_widening: 2, query_residual: false, gelu: tanh}",
        STREAMS,
    ),
    Example("backbone", "{use: perceiver_decoder, heads: 2, chunks: 2, width: 5}", QUERIES),
    Example("backbone", "{use: perceiver_decoder, qk_width: 4, v_width: 6, query_residual: false, dropout: 0.1}", QUERIES),
    Example("backbone", "{use: modality_padding, width: 12, mask: {audio: 0.5}}", UNEVEN),
    Example("tokenizer", "{use: array_patches, patch: [4, 2], width: 6, learned_positions: {width: 5, project: 4}}", PICTURE),
    Example(
        "tokenizer",
        "{use: array_patches, patch: [2, 1, 1], surroundings: 1, width: 7, fourier_positions: {bands: 2, resolution: [9, 9]}}",
        {"frames": Shape((3, 2, 4, 4))},
    ),
    Example("tokenizer", "{use: array_patches, patch: [4], learned_positions: {width: 4}, combine: add}", {"sound": Shape((16,))}),
    Example("tokenizer", "{use: conv_stem, width: 6, fourier_positions: {bands: 2}}", PICTURE),
    Example("tokenizer", "{use: vocabulary_embeddings, vocabulary: 4, width: 6}", {"text": Shape((5,), "int64")}),
    Example("tokenizer", "label_token", {"label": Shape((), "int64", ("one", "two", "three"))}),
    Example("tokenizer", "{use: entities, width: 6}", {"units": Shape((5, 4))}),
    Example("latents", "{use: position_queries, grid: [2, 3], fourier_positions: {bands: 2, ends: first}}"),
    Example("readout", "{use: token_values, layout: grid, width: 2, divide: 100}", {"flow": Stream("flow", 6, (2, 3))}),
    Example("readout", "{use: vocabulary_logits, vocabulary: 7}", {"text": Stream("text", 6, (4,))}),
    Example("head", "{use: cut_tiles, size: [4, 6], overlap: 1}", PICTURE),
    Example("head", "{use: blend_tiles, size: [4, 6], overlap: 1, picture: [8, 8]}", {"flow": Shape((6, 4, 6, 2))}),
]
