"""Files that specs need besides the data: the missing ones are named where the config names them."""

from __future__ import annotations

from pathlib import Path

from antifaz.core.experiment import read
from antifaz.core.experiment.needed_files import missing_files
from antifaz.registry import Plugins

TEXT = "data.paired.modalities.text={{use: words, length: 4, size: 100, vocabulary: {}}}"


def test_a_missing_file_is_named_with_its_option(plugins: Plugins, tmp_path: Path) -> None:
    path = tmp_path / "words.txt"
    experiment = read("quickstart", plugins, [TEXT.format(path)])
    (missing,) = missing_files(experiment)
    assert (missing.path, missing.data) == (str(path), "paired")
    assert str(path) in missing.problem.message
    assert missing.problem.hint.startswith("`vocabulary`: ")
    assert str(missing.location).startswith("command line: data.paired.modalities.text=")
    path.write_text("a\nb\n")
    assert missing_files(experiment) == []


def test_a_config_that_needs_none_has_none(plugins: Plugins) -> None:
    assert missing_files(read("quickstart", plugins)) == []
