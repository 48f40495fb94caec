"""The file of a vocabulary: its bytes, its size checked, its digest."""

from __future__ import annotations

import hashlib
from pathlib import Path

from antifaz.core.errors import DataError


def file_of(path: str) -> bytes:
    """Return the bytes of a vocabulary's file; DataError where there is none."""
    try:
        return Path(path).read_bytes()
    except OSError as error:
        hint = "train_vocabulary of antifaz.plugins.text.vocabulary makes one"
        raise DataError(f"the vocabulary {path} cannot be read: {error.strerror or error}", hint=hint) from None


def require_size(path: str, ids: int, wanted: int, unused: int = 0) -> None:
    """Refuse a vocabulary of another size than the config says, by which the model was built. unused: ids that no entry has."""
    if ids != wanted:
        hint = f"set `size: {ids}`; weights that were trained with another vocabulary do not fit then"
        gaps = f" (0 to {ids - 1}, of which {unused} are unused)" if unused else ""
        raise DataError(f"the vocabulary {path} has {ids} ids{gaps}, `size` says {wanted}", hint=hint)


def digest_of(content: bytes) -> str:
    return hashlib.blake2b(content, digest_size=16).hexdigest()
