"""Vocabularies: made from a user's own sentences, kept as text (words) or JSON (subwords), read with their size checked."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Literal

from antifaz.core.engine.run_folder import write_atomically
from antifaz.registry import DataError

from .words import SPECIALS, words_of


def train_vocabulary(
    sentences: Iterable[str],
    target: str | Path,
    *,
    size: int,
    kind: Literal["subwords", "words"] = "subwords",
    lowercase: bool = True,
) -> int:
    """Make a vocabulary of the most frequent words or subwords and write it; the same for the same sentences.

    sentences: read once, so that a generator over large files will do. target: a file with one word on each line, or JSON.
    size: ids at most, the special ones included; of subwords 260 or more, since every byte is one.
    lowercase: whether subwords are of lower-case text; words always are.
    Returns the number of ids, which is the `size` of the decoder.

    Raises:
        DataError: no words in the sentences, a size that leaves no room, a sentence that is no UTF-8. WriteError: no such folder.
    """
    least = len(SPECIALS) + (256 if kind == "subwords" else 1)
    if size < least:
        raise DataError(f"a vocabulary of {kind} has {least} ids or more, not {size}", hint="raise `size`")
    if kind == "subwords":
        from .subwords import trained_subwords

        text, ids = trained_subwords(map(_checked, sentences), size, lowercase=lowercase)
    else:
        counts = Counter(word for sentence in map(_checked, sentences) for word in words_of(sentence))
        if not counts:
            raise DataError("there are no words in these sentences")
        ranked = sorted(counts, key=lambda word: (-counts[word], word))[: size - len(SPECIALS)]
        text, ids = "".join(f"{word}\n" for word in ranked), len(SPECIALS) + len(ranked)
    write_atomically(Path(target), text)
    return ids


def _checked(sentence: str) -> str:
    try:
        sentence.encode()
    except UnicodeEncodeError:
        raise DataError(f"this text is no UTF-8: {sentence.encode('utf-8', 'backslashreplace')[:40]!r}") from None
    return sentence


def read_words(path: str, ids: int) -> tuple[list[str], str]:
    """The words of a vocabulary's file, and a digest of it. ids: how many there must be, the special ones included.

    Raises:
        DataError: no such file, no UTF-8, a word twice, another size.
    """
    content = file_of(path)
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise DataError(f"the vocabulary {path} is no UTF-8 on line {line}") from None
    words = [line.strip() for line in text.splitlines()]
    words = [word for word in words if word]
    twice = next((word for word, count in Counter(words).items() if count > 1), None)
    if twice is not None:
        raise DataError(f"the vocabulary {path} has the word {twice!r} more than once")
    expect_size(path, len(SPECIALS) + len(words), ids)
    return words, digest_of(content)


def file_of(path: str) -> bytes:
    """The bytes of a vocabulary's file; DataError where there is none."""
    try:
        return Path(path).read_bytes()
    except OSError as error:
        hint = "train_vocabulary of antifaz.plugins.text.vocabulary makes one"
        raise DataError(f"the vocabulary {path} cannot be read: {error.strerror or error}", hint=hint) from None


def expect_size(path: str, found: int, wanted: int) -> None:
    """Refuse a vocabulary of another size than the config says, by which the model was built."""
    if found != wanted:
        hint = f"set `size: {found}`; weights that were trained with another vocabulary do not fit then"
        raise DataError(f"the vocabulary {path} has {found} ids, `size` says {wanted}", hint=hint)


def digest_of(content: bytes) -> str:
    return hashlib.blake2b(content, digest_size=16).hexdigest()
