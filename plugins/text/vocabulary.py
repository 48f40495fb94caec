"""Vocabularies: made from a user's own sentences, kept as text (words) or JSON (subwords), read with their size checked."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Literal

from antifaz.core.errors import DataError
from antifaz.registry.files import write_atomically

from .subwords import trained_subwords
from .vocabulary_file import digest_of, file_of, require_size
from .words import SPECIALS, word_fault, words_of


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
        DataError: a path or one text in place of sentences, a sentence that is not text or not UTF-8, sentences in which there is
            nothing, a size that leaves no room.
        WriteError: no such folder.
    """
    if isinstance(sentences, str | bytes | os.PathLike):
        hint = "open the file, or put the text in a list: train_vocabulary(open('corpus.txt', encoding='utf-8'), ...)"
        raise DataError(f"a vocabulary is made of many sentences, not of {sentences!r:.60}", hint=hint)
    least = len(SPECIALS) + (256 if kind == "subwords" else 1)
    if size < least:
        raise DataError(f"a vocabulary of {kind} has {least} ids or more, not {size}", hint="raise `size`")
    if kind == "subwords":
        text, ids = trained_subwords(_sentences_of(sentences), size, lowercase=lowercase)
    else:
        counts = Counter(word for sentence in _sentences_of(sentences) for word in words_of(sentence))
        if not counts:
            raise DataError("there are no words in these sentences")
        ranked = sorted(counts, key=lambda word: (-counts[word], word))[: size - len(SPECIALS)]
        text, ids = "".join(f"{word}\n" for word in ranked), len(SPECIALS) + len(ranked)
    write_atomically(Path(target), text)
    return ids


def _sentences_of(sentences: Iterable[str]) -> Iterator[str]:
    """Yield the sentences that are not empty; DataError for one that is not text, and if there are none."""
    any_text = False
    for sentence in sentences:
        if not isinstance(sentence, str):
            hint = "give strings; a file must be opened as text"
            raise DataError(f"a sentence is a string, not {type(sentence).__name__}: {sentence!r:.60}", hint=hint)
        try:
            sentence.encode()
        except UnicodeEncodeError:
            raise DataError(f"this text is not UTF-8: {sentence.encode('utf-8', 'backslashreplace')[:40]!r}") from None
        if sentence.strip():
            any_text = True
            yield sentence
    if not any_text:
        raise DataError("there is no sentence to make a vocabulary of")


def read_words(path: str, ids: int) -> tuple[list[str], str]:
    """The words of a vocabulary's file, and a digest of it. ids: how many there must be, the special ones included.

    Raises:
        DataError: no such file, not UTF-8, a line that is not a word, a word twice, another size.
    """
    content = file_of(path)
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        number = content[: error.start].count(b"\n") + 1
        raise DataError(f"the vocabulary {path} is not UTF-8 on line {number}") from None
    lines = [line.strip() for line in text.splitlines()]
    for number, line in enumerate(lines, start=1):
        if line and (fault := word_fault(line)):
            raise DataError(f"{path}, line {number}: {fault}", hint="write one word on each line, as text has it after splitting")
    words = [line for line in lines if line]
    twice = next((word for word, count in Counter(words).items() if count > 1), None)
    if twice is not None:
        raise DataError(f"the vocabulary {path} has the word {twice!r} more than once")
    require_size(path, len(SPECIALS) + len(words), ids)
    return words, digest_of(content)
