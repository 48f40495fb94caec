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
