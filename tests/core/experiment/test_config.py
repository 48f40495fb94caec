"""Words of configs that have been renamed are refused where they stand, with the new name."""

from __future__ import annotations

import pytest

from antifaz.core.experiment import read
from antifaz.registry import ConfigError, Plugins


@pytest.mark.parametrize(
    ("override", "old", "new"),
    [
        ("stages.pretrain.clip=0.5", "clip", "grad_clip"),
        ("stages.retrieval.metrics.audio_to_video.given={query: [audio]}", "given", "present"),
        ("stages.evaluate.metrics.accuracy.views=softmax", "views", "average_views"),
    ],
)
def test_old_words_are_refused_with_the_new_ones(plugins: Plugins, override: str, old: str, new: str) -> None:
    with pytest.raises(ConfigError) as caught:
        read("quickstart", plugins, [override])
    (problem,) = caught.value.problems
    assert problem.message.startswith(f"unknown key {old!r}")
    assert problem.hint == f"it is called `{new}` now"
    assert override in str(problem.location)


def test_the_old_word_for_a_vocabulary_too(plugins: Plugins, tmp_path) -> None:
    (tmp_path / "a.yaml").write_text("name: a\ninputs:\n  text: {shape: [4], below: 9}\ngraph: {}\n")
    with pytest.raises(ConfigError, match=r"a.yaml:3:22: unknown key 'below'\n    it is called `vocab_size` now"):
        read(tmp_path / "a.yaml", plugins)
