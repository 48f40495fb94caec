"""check: files that a config names and that do not exist."""

from __future__ import annotations

import json
from pathlib import Path

from typer.testing import CliRunner

from antifaz.cli.app import app

MIXED = """
name: mixed
data:
  train:
    use: mixture
    batch_size: 8
    parts:
      a: {{use: shapes_and_sounds, split: paired, samples: 16, clip: {{seconds: 2.0}}, modalities: {{{text}}}}}
      b: {{use: shapes_and_sounds, split: paired, samples: 16, clip: {{seconds: 2.0}}, modalities: {{{text}}}}}
graph:
  text: {{use: token_embedding, in: batch.text, width: 16}}
"""


def test_a_missing_file_is_listed_once_for_its_data_set(tmp_path: Path) -> None:
    words, path = tmp_path / "words.txt", tmp_path / "mixed.yaml"
    path.write_text(MIXED.format(text=f"text: {{use: words, length: 4, vocabulary: {words}, size: 6}}"))
    answer = json.loads(CliRunner().invoke(app, ["check", str(path), "--json"]).stdout)
    assert answer["missing_files"] == [{"data": "train", "path": str(words)}]
    printed = CliRunner().invoke(app, ["check", str(path)]).stdout.replace("\n", "")
    assert printed.count(f"data train: {words} is not on this machine") == 1
    words.write_text("a\nb\nc\n")
    answer = json.loads(CliRunner().invoke(app, ["check", str(path), "--json"]).stdout)
    assert answer["missing_files"] == []
