"""Confusion matrices agree with the accuracy."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from antifaz.report.run_record import read_run
from antifaz.report.sections.confusion import MOST_CLASSES, confusion_matrices


def test_confusion_and_scores_agree_with_the_accuracy(finished: Path) -> None:
    results = json.loads((finished / "results.json").read_text())["evaluate"]
    details = json.loads((finished / "stages" / "evaluate" / "details.json").read_text())
    for given in ("audio", "video", "audio+video"):
        kept = details["given"][given]["accuracy"]
        assert set(kept["outputs"]) == {f.removesuffix("_samples") for f in results[given]["accuracy"] if f.endswith("_samples")}
        for output, each in kept["outputs"].items():
            right = sum(count for target, answer, count in each["confusion"] if target == answer)
            assert 100 * right / 32 == pytest.approx(results[given]["accuracy"][output])
            assert sum(count for *_, count in each["confusion"]) == 32
            assert all(0 <= score <= 1 for score in each["scores"])
            assert len(each["scores"]) == len(details["samples"]) == 32
    assert set(details["given"]) == {"audio", "video", "audio+video"}  # retrieval keeps nothing of single samples
    assert details["lower_is_better"]["pairs"] == ["backward_median_rank", "forward_median_rank"]


def test_the_matrices_of_the_page_are_those_that_were_kept(finished: Path) -> None:
    details = json.loads((finished / "stages" / "evaluate" / "details.json").read_text())["given"]
    (stage,) = confusion_matrices(read_run(finished, wired=False).stages)
    assert stage.stage == "evaluate"
    assert stage.matrices[0].given == "audio+video"
    for matrix in stage.matrices:
        kept = details[matrix.given][matrix.metric]["outputs"][matrix.output]["confusion"]
        assert sum(count for row in matrix.rows for count, _ in row.cells) == 32
        for right, named, count in kept:
            assert matrix.rows[right].cells[named][0] == count
        assert all(sum(share for _, share in row.cells) == pytest.approx(1) for row in matrix.rows if any(n for n, _ in row.cells))
    assert len(stage.matrices[0].classes) == 16 <= MOST_CLASSES
