"""Subwords: byte-level byte-pair encoding by the `tokenizers` library, whose files are JSON.

Source: Sennrich et al. 2016; Radford et al. 2019 (over bytes, so that no text is unknown).
"""

from __future__ import annotations

from collections.abc import Iterator

from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, trainers

from antifaz.core.errors import DataError

from .decoder import Encoding
from .vocabulary_file import digest_of, file_of, require_size
from .words import BEGIN, END, PAD, SPECIALS

PADDING = (SPECIALS[PAD], "<pad>")
"""What the id 0 must be: other libraries' vocabularies serve too where it is padding."""


def trained_subwords(sentences: Iterator[str], size: int, *, lowercase: bool) -> tuple[str, int]:
    """A vocabulary as JSON, and how many ids it has."""
    tokenizer = Tokenizer(models.BPE())
    unified = normalizers.NFC()
    tokenizer.normalizer = normalizers.Sequence([unified, normalizers.Lowercase()]) if lowercase else unified
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)
    trainer = trainers.BpeTrainer(
        vocab_size=size,
        special_tokens=list(SPECIALS),
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    tokenizer.train_from_iterator(sentences, trainer)
    return tokenizer.to_str(pretty=True), tokenizer.get_vocab_size()


def read_subwords(path: str, ids: int, *, marks: bool) -> tuple[Encoding, str]:
    """Return a function from a sentence to its ids by a vocabulary's file, and a digest of the file.

    Raises:
        DataError: no such file, not a vocabulary, another size, special ids that are elsewhere.
    """
    content = file_of(path)
    try:
        tokenizer = Tokenizer.from_buffer(content)
    except Exception as error:  # the library raises nothing more special
        raise DataError(f"{path} is not a vocabulary of the tokenizers library: {error}") from None
    known = set(tokenizer.get_vocab().values())
    size = max(known, default=-1) + 1  # not their number: files of other libraries may leave ids out
    require_size(path, size, ids, unused=size - len(known))
    if tokenizer.id_to_token(PAD) not in PADDING:
        raise DataError(f"the id 0 of {path} is {tokenizer.id_to_token(PAD)!r} and not padding: {' or '.join(PADDING)}")
    if marks and [tokenizer.id_to_token(i) for i in (BEGIN, END)] != [SPECIALS[BEGIN], SPECIALS[END]]:
        raise DataError(f"{path} has no marks at the ids {BEGIN} and {END}", hint="set `marks: false`")
    tokenizer.no_truncation()
    tokenizer.no_padding()
    tokenizer.encode_special_tokens = True  # "[PAD]" in a sentence is text
    return lambda text: tokenizer.encode(text, add_special_tokens=False).ids if text else [], digest_of(content)
