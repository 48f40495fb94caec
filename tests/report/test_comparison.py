"""Several runs side by side: the better figures marked, the values that differ."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import attrs
import pytest

from antifaz.core.errors import FolderError
from antifaz.engine.run import run_experiment
from antifaz.report.comparison import aligned, compare_results, comparison_page, differences, write_comparison
from antifaz.report.run_record import read_run
from tests.support.parsed_page import Parsed

ANTIFAZ = str(Path(sys.executable).with_name("antifaz"))


def test_runs_side_by_side(tiny, finished: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    run_experiment(tiny("stages.finetune.optimizer.lr=0.01", "seed=3"), other, device="cpu", quiet=True)
    target = write_comparison([finished, other], tmp_path / "both.html")
    text = target.read_text(encoding="utf-8")
    found = Parsed(text)
    assert set(found.ids) >= {"runs", "results", "curves", "config", "environment"}
    runs = {"a": read_run(finished), "b": read_run(other)}
    both = [json.loads((root / "results.json").read_text())["evaluate"] for root in (finished, other)]
    for table in compare_results(runs):
        metric, _, given = table.metric.partition(" given ")
        for name, cells in table.rows.items():
            values = [results[given][metric][name] for results in both]
            assert [cell.value for cell in cells if cell is not None] == values
            best = min(values) if name.endswith("median_rank") else max(values)
            expected = [len(set(values)) > 1 and value == best for value in values]
            assert [cell.better for cell in cells if cell is not None] == expected
    config = {label: {key: json.dumps(value) for key, value, _ in run.origins} for label, run in runs.items()}
    assert set(differences(config)) == {"stages.finetune.optimizer.lr", "seed"}
    assert found.text.count("Not here") == 0
    assert "stages.finetune.optimizer.lr" in found.text
    assert "stages.pretrain.optimizer.lr" not in found.text
    assert len([a for a in found.named("path") if "line" in (a.get("class") or "")]) > 2 * 8


@pytest.mark.parametrize("arguments", [["."], ["nowhere"], [".", "nowhere"]])
def test_folders_that_are_no_runs_are_words(tmp_path: Path, arguments: list[str]) -> None:
    done = subprocess.run([ANTIFAZ, "report", *arguments], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "is not a run folder: it has no config.yaml" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_same_run_twice_is_refused(finished: Path, tmp_path: Path) -> None:
    with pytest.raises(FolderError, match="named twice"):
        write_comparison([finished, finished.parent / "." / finished.name], tmp_path / "x.html")


@pytest.mark.parametrize(
    ("orders", "merged"),
    [
        (["abc", "abc"], "abc"),
        (["abc", "axbc"], "axbc"),
        (["bc", "abc"], "abc"),
        (["ab", "abcd", "aeb"], "aebcd"),
        (["abc", "cba"], "abc"),
        (["abc", "cxa"], "abcx"),
        ([], ""),
    ],
)
def test_lists_of_names_are_aligned(orders: list[str], merged: str) -> None:
    assert aligned(orders) == list(merged)


def test_stages_are_aligned_by_name_whatever_their_order_and_number(finished: Path) -> None:
    """A run whose stages stand in another order, with one more in front and without the first, has its figures in the same rows."""
    run = read_run(finished)
    probe = attrs.evolve(run.stages[-1], name="probe")
    stages = (probe, run.stages[2], run.stages[1])
    other = attrs.evolve(run, stages=stages, results={"probe": run.results["evaluate"], **run.results})
    tables = compare_results({"a": run, "b": other})
    assert list(dict.fromkeys(table.stage for table in tables)) == ["probe", "evaluate"]
    for table in tables:
        for cells in table.rows.values():
            if table.stage == "evaluate":
                assert cells[0] == cells[1]
            else:
                assert cells[0] is None
                assert cells[1] is not None
    text = Parsed(comparison_page({"a": run, "b": other})).text
    assert "pretrain, finetune, evaluate" in text
    assert "probe, evaluate, finetune" in text
