"""docs/capture.md: its blocks run as they stand, and its callback logs what it says."""

from __future__ import annotations

import json
import math
import re
import shlex
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from antifaz.cli import main
from antifaz.layers.capture import Captured

PAGE = Path(__file__).parents[2] / "docs" / "capture.md"
BLOCK = re.compile(r"^( *)```(yaml|python|console)\n(.*?)^\1```\n", re.S | re.M)


def test_the_page_runs_as_it_stands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(tmp_path)
    blocks = [(language, re.sub(f"^{indent}", "", text, flags=re.M)) for indent, language, text in BLOCK.findall(PAGE.read_text())]
    assert [language for language, _ in blocks] == ["yaml", "python", "python", "python", "console"]
    for _, text in blocks:
        if text.startswith("# "):
            (tmp_path / text.partition("\n")[0].removeprefix("# ")).write_text(text, encoding="utf-8")
    names: dict[str, Any] = {}
    for language, text in blocks:
        if language == "python" and not text.startswith("# "):
            exec(text, names)
    captured = names["captured"]
    assert captured["encoder.blocks.0"].streams["audio"].shape == (8, 4, 16)
    assert captured["encoder.blocks.0.attention"].attention["video", "audio"].shape == (8, 2, 4, 4)
    assert captured["pooled.attention"].attention["audio", "audio"].shape == (8, 1, 1, 4)
    assert "encoder.blocks.1.attention {('video', 'video'): (2, 2, 4, 4)" in capsys.readouterr().out

    monkeypatch.setattr("sys.argv", shlex.split(blocks[-1][1].removeprefix("$ ")))
    with pytest.raises(SystemExit) as end:
        main()
    assert not end.value.code
    logged = [json.loads(line) for line in (tmp_path / "runs/small/metrics.jsonl").read_text().splitlines()]
    entropies = [line for line in logged if any(key.startswith("entropy/") for key in line)]
    assert [line["step"] for line in entropies] == [2, 4]
    assert all(line["entropy/encoder.blocks.1.attention/video-audio"] > 0 for line in entropies)


def test_the_callback_leaves_absent_samples_out_of_its_mean(tmp_path: Path) -> None:
    text = next(text for _, language, text in BLOCK.findall(PAGE.read_text()) if text.startswith("# entropy.py"))
    names: dict[str, Any] = {}
    exec(text, names)
    even = torch.full((1, 1, 2, 4), 0.125)  # a row of two sources, over which it sums to 1
    attention = {("video", source): torch.cat([even, torch.zeros_like(even)]) for source in ("video", "audio")}
    logged: dict[str, float] = {}
    run = SimpleNamespace(log=lambda stage, step, figures: logged.update(figures))
    captured = {"encoder": Captured(attention=attention), "absent": Captured(attention={("a", "a"): torch.zeros(2, 1, 2, 4)})}
    names["Entropy"](1).after_step(run, SimpleNamespace(stage="train", step=1, captured=captured))
    expected = pytest.approx(-0.5 * math.log(0.125))
    assert logged == {"entropy/encoder/video-video": expected, "entropy/encoder/video-audio": expected}
