"""Decoders of text: ids, limits, candidates and vocabularies, with everything that may be wrong with them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from antifaz.core.errors import DataError
from antifaz.core.seeds import seeded
from antifaz.core.streams import Shape
from antifaz.data.sources import Text, UnreadableText
from antifaz.plugins.text.decoder import TextDecoder
from antifaz.plugins.text.spec import Bytes, Sentences, Subwords, Words
from antifaz.plugins.text.vocabulary import train_vocabulary
from antifaz.registry import SpecError

CORPUS = ("a cat sleeps", "A dog sleeps.", "a cat and a dog", "don't wake the cat!")


def built(spec: Sentences) -> TextDecoder:
    return spec.build(2.0)


def ids(spec: Sentences, *sentences: str, training: bool = False) -> list:
    """What a model gets of these sentences, as lists."""
    decoder = built(spec)
    stored = decoder.decode(Text(sentences), 0.0)
    assert stored is not None
    finished = decoder.finish(stored[None], training)
    return (finished if isinstance(finished, torch.Tensor) else finished.values)[0].tolist()


def test_bytes_are_utf8_behind_the_special_ids() -> None:
    assert ids(Bytes(length=6), " Aé ") == [4 + 65, 4 + 0xC3, 4 + 0xA9, 0, 0, 0]
    assert Bytes(length=6).shape(1.0) == Shape((6,), "int64", vocab_size=260)


def test_words_are_lower_case_and_others_are_unknown() -> None:
    spec = Words(length=5, vocabulary=("cat", "don't", "sleeps"))
    assert ids(spec, "The Cat, don't: SLEEPS!") == [1, 4, 5, 6, 0]
    assert spec.shape(1.0).vocab_size == 7


def test_marks_enclose_what_is_left_of_a_long_sentence() -> None:
    spec = Words(length=4, vocabulary=("a", "b", "c"), marks=True)
    assert ids(spec, "a") == [2, 4, 3, 0]
    assert ids(spec, "a b c") == [2, 4, 5, 3]


def test_long_text_is_cut_or_refused() -> None:
    assert ids(Words(length=2, vocabulary=("a", "b")), "a b a b") == [4, 5]
    strict = built(Words(length=2, vocabulary=("a", "b"), too_long="refuse"))
    assert strict.decode(Text(("a b",)), 0.0) is not None
    with pytest.raises(UnreadableText, match="4 ids, 2 are allowed") as refused:
        strict.decode(Text(("a b a b",)), 0.0)
    assert "too_long: cut" in str(refused.value)


@pytest.mark.parametrize("spec", [Bytes(length=4), Words(length=4, vocabulary=("a",))])
def test_empty_text_is_none(spec: Sentences) -> None:
    assert built(spec).decode(Text(("", "  \t\n")), 0.0) is None
    assert built(spec).decode(Text(()), 0.0) is None


def test_text_without_a_word_is_none_where_words_count() -> None:
    assert built(Words(length=4, vocabulary=("a",))).decode(Text(("?!",)), 0.0) is None
    assert ids(Bytes(length=2), "?!") == [4 + 63, 4 + 33]


@pytest.mark.parametrize("spec", [Bytes(length=4), Words(length=4, vocabulary=("a",))])
def test_what_is_no_utf8_is_unreadable(spec: Sentences) -> None:
    with pytest.raises(UnreadableText, match=r"not UTF-8: 'caf\\\\udce9'"):
        built(spec).decode(Text((b"caf\xe9".decode("utf-8", "surrogateescape"),)), 0.0)


def test_candidates_have_an_axis_and_say_which_are_there() -> None:
    decoder = built(Words(length=2, candidates=3, vocabulary=("a", "b")))
    stored = torch.stack([decoder.decode(Text(said), 0.0) for said in (("a", "", "b"), ("a b", "b", "a", "b"))])
    found = decoder.finish(stored, False)
    assert found.values.tolist() == [[[4, 0], [5, 0], [0, 0]], [[4, 5], [5, 0], [4, 0]]]
    assert found.valid.tolist() == [[True, True, False], [True, True, True]]
    assert decoder.spec.shape(1.0).dims == (3, 2)


def test_the_nearest_in_time_come_first() -> None:
    decoder = built(Words(length=1, candidates=2, vocabulary=("a", "b", "c")))
    said = Text(("a", "b", "c"), (0.0, 10.0, 21.0))
    assert decoder.finish(decoder.decode(said, 19.0)[None], False).values[0, :, 0].tolist() == [6, 5]  # the clip's middle is 20 s
    assert decoder.finish(decoder.decode(said, 0.0)[None], False).values[0, :, 0].tolist() == [4, 5]


def test_a_sentence_is_drawn_in_training_from_those_that_are_there() -> None:
    decoder = built(Words(length=1, draw_from=4, vocabulary=("a", "b", "c")))
    stored = decoder.decode(Text(("a", "b", "c")), 0.0)
    with seeded(0):
        drawn = [int(decoder.finish(decoder.augment(stored)[None], True)) for _ in range(60)]
    assert {drawn.count(i) > 8 for i in (4, 5, 6)} == {True}
    assert len(drawn) == sum(drawn.count(i) for i in (4, 5, 6))
    assert int(decoder.finish(stored[None], False)) == 4


def test_subwords_are_trained_saved_and_read_back(tmp_path: Path) -> None:
    size = train_vocabulary(CORPUS, tmp_path / "v.json", size=280)
    assert size <= 280
    assert train_vocabulary(CORPUS, tmp_path / "again.json", size=280) == size
    assert (tmp_path / "v.json").read_bytes() == (tmp_path / "again.json").read_bytes()
    assert json.loads((tmp_path / "v.json").read_text())["model"]["type"] == "BPE"
    spec = Subwords(length=12, vocabulary=str(tmp_path / "v.json"), size=size)
    assert ids(spec, "a cat") == ids(spec, "A CAT")
    assert 0 < sum(i > 0 for i in ids(spec, "a cat sleeps")) < len("a cat sleeps")
    assert 0 not in ids(spec, "日本語は四バイト")  # bytes that no sentence had are ids of their own
    assert {i for i in ids(spec, "[PAD] [END]") if i <= 3} <= {0}  # text, and padding behind it
    assert ids(spec, "[PAD]")[0] > 3
    marked = Subwords(length=12, vocabulary=str(tmp_path / "v.json"), size=size, marks=True)
    assert ids(marked, "a cat")[: 2 + ids(spec, "a cat").index(0)] == [2, *ids(spec, "a cat")[: ids(spec, "a cat").index(0)], 3]


def test_a_vocabulary_of_words_is_the_most_frequent_ones(tmp_path: Path) -> None:
    assert train_vocabulary(iter(CORPUS), tmp_path / "w.txt", size=7, kind="words") == 7
    assert (tmp_path / "w.txt").read_text() == "a\ncat\ndog\n"  # dog comes as often as sleeps
    assert ids(Words(length=3, vocabulary=str(tmp_path / "w.txt"), size=7), "a cat sleeps") == [4, 5, 1]
    assert train_vocabulary(CORPUS, tmp_path / "w.txt", size=100, kind="words") == 12


@pytest.mark.parametrize(
    ("content", "size", "words"),
    [
        (None, 6, "cannot be read"),
        (b"a\nb\n", 7, "has 6 ids, `size` says 7"),
        (b"a\nb\na\n", 7, "'a' more than once"),
        (b"a\nb\xff\n", 6, "not UTF-8 on line 2"),
        (b"a\n\nDisc\n", 6, r"w\.txt, line 3: no text has the word 'Disc'"),
        (b"a\nnew york\n", 6, "line 2: no text has the word 'new york'"),
    ],
)
def test_vocabularies_of_words_that_do_not_fit(tmp_path: Path, content: bytes | None, size: int, words: str) -> None:
    path = tmp_path / "w.txt"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(DataError, match=words):
        Words(length=3, vocabulary=str(path), size=size).build(1.0)


def test_vocabularies_of_subwords_that_do_not_fit(tmp_path: Path) -> None:
    from tokenizers import Tokenizer, models

    path = tmp_path / "v.json"
    size = train_vocabulary(CORPUS, path, size=264)
    with pytest.raises(DataError, match=f"has {size} ids, `size` says 300"):
        Subwords(length=3, vocabulary=str(path), size=300).build(1.0)
    path.write_text("{}")
    with pytest.raises(DataError, match="not a vocabulary of the tokenizers library"):
        Subwords(length=3, vocabulary=str(path), size=300).build(1.0)
    Tokenizer(models.WordLevel({"a": 0, "b": 1, "c": 2, "d": 3, "[UNK]": 4}, "[UNK]")).save(str(path))
    with pytest.raises(DataError, match=r"id 0 of .* is 'a' and not padding"):
        Subwords(length=3, vocabulary=str(path), size=5).build(1.0)
    Tokenizer(models.WordLevel({"<pad>": 0, "b": 1, "c": 2, "d": 3, "[UNK]": 4}, "[UNK]")).save(str(path))
    assert ids(Subwords(length=3, vocabulary=str(path), size=5), "d") == [3, 0, 0]
    with pytest.raises(DataError, match="no marks at the ids 2 and 3"):
        Subwords(length=3, vocabulary=str(path), size=5, marks=True).build(1.0)


def test_the_size_of_subwords_reaches_to_the_highest_id(tmp_path: Path) -> None:
    from tokenizers import Tokenizer, models

    path = tmp_path / "v.json"
    Tokenizer(models.WordLevel({"<pad>": 0, "[UNK]": 1, "cat": 2, "bird": 3, "dog": 900}, "[UNK]")).save(str(path))
    with pytest.raises(DataError, match=r"has 901 ids \(0 to 900, of which 896 are unused\), `size` says 5"):
        Subwords(length=3, vocabulary=str(path), size=5).build(1.0)
    spec = Subwords(length=3, vocabulary=str(path), size=901)
    assert ids(spec, "dog") == [900, 0, 0]
    assert spec.shape(1.0).vocab_size == 901


def test_training_a_vocabulary_says_what_is_wrong(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="260 ids or more, not 100"):
        train_vocabulary(CORPUS, tmp_path / "v.json", size=100)
    with pytest.raises(DataError, match="no words"):
        train_vocabulary(["?"], tmp_path / "w.txt", size=100, kind="words")
    with pytest.raises(DataError, match="not UTF-8"):
        train_vocabulary(["\udce9"], tmp_path / "v.json", size=300)


@pytest.mark.parametrize("kind", ["subwords", "words"])
@pytest.mark.parametrize(
    ("sentences", "message"),
    [
        ("corpus.txt", "made of many sentences, not of 'corpus.txt'"),
        (b"a cat", "made of many sentences, not of b'a cat'"),
        (Path("corpus.txt"), r"made of many sentences, not of \w*Path\('corpus.txt'\)"),
        ([], "no sentence to make a vocabulary of"),
        (["", " \n"], "no sentence to make a vocabulary of"),
        (["a cat", None], "a sentence is a string, not NoneType: None"),
        ([b"a cat"], "a sentence is a string, not bytes: b'a cat'"),
    ],
)
def test_what_is_no_corpus_is_refused(tmp_path: Path, kind: str, sentences: object, message: str) -> None:
    with pytest.raises(DataError, match=message):
        train_vocabulary(sentences, tmp_path / "v", size=300, kind=kind)
    assert not (tmp_path / "v").exists()


@pytest.mark.parametrize(
    ("make", "field"),
    [
        (lambda: Words(length=4, vocabulary="w.txt"), "size"),
        (lambda: Words(length=4, vocabulary=()), "vocabulary"),
        (lambda: Words(length=4, vocabulary=("a", "a")), "vocabulary"),
        (lambda: Words(length=4, vocabulary=("a", "Cat")), "vocabulary"),
        (lambda: Words(length=4, vocabulary=("a",), size=9), "size"),
        (lambda: Bytes(length=2, marks=True), "length"),
        (lambda: Bytes(length=2, candidates=3, draw_from=3), "draw_from"),
    ],
)
def test_options_that_do_not_fit(make, field: str) -> None:
    with pytest.raises(SpecError) as refused:
        make()
    assert refused.value.field == field
