"""The ids that every vocabulary begins with, and how text is split into words. No torch."""

from __future__ import annotations

import re
import unicodedata

SPECIALS = ("[PAD]", "[UNK]", "[BEGIN]", "[END]")
"""Ids 0 to 3: padding, a word that the vocabulary lacks, and the marks around a sentence."""
PAD, UNKNOWN, BEGIN, END = range(len(SPECIALS))

APOSTROPHES = "'\u2019"
WORD = re.compile(rf"\w+(?:[{APOSTROPHES}]\w+)*")


def words_of(text: str) -> list[str]:
    """The lower-case words of a text, without punctuation: "Don't stop!" -> don't, stop."""
    return WORD.findall(unicodedata.normalize("NFC", text).lower())


def word_fault(entry: str) -> str | None:
    """Return a complaint of an entry of a vocabulary that is not a word of any text, or None."""
    if words_of(entry) == [entry]:
        return None
    return f"no text has the word {entry!r}: text is split into lower-case words without punctuation"
