"""What decoders read, and what a person may give in place of it. No torch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from antifaz.core.interfaces import GivenKind

from .text import by_source, sentences_taken

PATH = "path"
"""The name of a file that stands for all entries that have none of their own."""
TEXT = "text"
"""The name of sentences that stand for all entries of text that have none of their own."""


def reads_file(decoder: Any) -> bool:
    """Return True if the decoder of this spec is given the path of a file, and not a Media."""
    return getattr(decoder, "reads", "media") == "file"


def takes(modalities: Mapping[str, Any]) -> dict[str, GivenKind]:
    """Return what a person may give for a sample of these decoders: something for each entry, or for several at once.

    modalities: {entry: spec of its decoder}. One file can stand for several entries where all are media, or none is.
    """
    files, texts = by_source(modalities)
    given: dict[str, GivenKind] = dict.fromkeys(files, "file")
    if len(files) > 1 and len({reads_file(modalities[name]) for name in files}) == 1:
        given[PATH] = "file"
    several = {name: sentences_taken(modalities[name]) is not None for name in texts}
    given |= {name: "sentences" if each else "sentence" for name, each in several.items()}
    if len(texts) > 1:
        given[TEXT] = "sentences" if any(several.values()) else "sentence"
    return given
