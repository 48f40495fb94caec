"""Tiny members of this plugin's families, for the conformance kit."""

from __future__ import annotations

from pathlib import Path

from antifaz.core.examples import Example
from antifaz.core.streams import Shape

SENTENCES = ("a cat sleeps", "a dog sleeps", "a cat and a dog")
SUBWORDS = 270


def write_vocabularies(folder: Path) -> None:
    from .vocabulary import train_vocabulary

    train_vocabulary(SENTENCES, folder / "words.txt", size=9, kind="words")
    train_vocabulary(SENTENCES, folder / "subwords.json", size=SUBWORDS)


IDS = {"text": Shape((6,), "int64", vocab_size=9)}

EXAMPLES = [
    Example("decoder", "{use: bytes, length: 12}"),
    Example("decoder", "{use: bytes, length: 12, candidates: 2, draw_from: 3, marks: true}"),
    Example("decoder", "{use: words, length: 4, vocabulary: [cat, dog, a]}"),
    Example("decoder", "{use: words, length: 4, vocabulary: $FOLDER/words.txt, size: 9}", prepare=write_vocabularies),
    Example(
        "decoder",
        f"{{use: subwords, length: 8, candidates: 3, vocabulary: $FOLDER/subwords.json, size: {SUBWORDS}}}",
        prepare=write_vocabularies,
    ),
    Example("batch_transform", "mask_tokens", IDS),
    Example("batch_transform", "{use: mask_tokens, rate: 0.5, word_break: 5, keep: 0.0}", IDS),
    Example("tokenizer", "{use: token_embedding, width: 8}", IDS),
    Example("tokenizer", "{use: token_embedding, width: 8, table: 6, frozen: true, positions: none}", IDS),
]
