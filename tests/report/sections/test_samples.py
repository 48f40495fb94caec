"""The best and the worst samples of an output."""

from __future__ import annotations

import json
from pathlib import Path

from antifaz.report import page
from antifaz.report.run_record import read_run
from antifaz.report.sections import clips
from antifaz.report.sections.samples import best_and_worst


def test_the_best_and_the_worst_samples_are_those_of_the_scores(finished: Path) -> None:
    run = read_run(finished)
    details = json.loads((finished / "stages" / "evaluate" / "details.json").read_text())
    shown = {s.output: s for s in best_and_worst(run.stages, run.experiment, clips.Clips(page.ROOM))}
    for output in ("audio", "video", "fusion", "late", "mean"):
        scores = details["given"]["audio+video"]["accuracy"]["outputs"][output]["scores"]
        assert [card.score for card in shown[output].best] == sorted(scores, reverse=True)[:3]
        assert [card.score for card in shown[output].worst] == sorted(scores)[:3]
        assert all(scores[card.index] == card.score for card in shown[output].best)
        assert all(card.players[0].kind == "video" for card in shown[output].best)
