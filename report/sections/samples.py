"""The samples that an output was best and worst at, with clips to play."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import attrs

from antifaz.core.experiment import Experiment
from antifaz.core.interfaces import ReadsMedia
from antifaz.data.clips import Clip
from antifaz.report.results import fullest
from antifaz.report.run_record import StageRecord

from .clips import Clips, Player, short_name

EACH = 3
"""Samples of an output that are shown as best, and as many as worst."""


@attrs.define
class Card:
    """One sample. right, named: classes, empty where unknown. players: filled after all samples are chosen.

    sentences: its text.
    """

    index: int
    name: str
    score: float
    right: str
    named: str
    sentences: tuple[str, ...] = ()
    players: list[Player] = attrs.field(factory=list)


@attrs.frozen
class OutputSamples:
    """The samples of one output of the model, judged by `score` with `given`."""

    stage: str
    metric: str
    given: str
    output: str
    score: str
    best: tuple[Card, ...]
    worst: tuple[Card, ...]


def best_and_worst(stages: Sequence[StageRecord], experiment: Experiment | None, clips: Clips) -> list[OutputSamples]:
    """Choose samples of every output that has scores, in the call that was given most. The very best and worst get clips first."""
    outputs = []
    order: list[tuple[int, Card, str, Clip | None]] = []
    for stage in stages:
        details = stage.details or {}
        folder, names = details.get("folder") or "", details.get("samples") or []
        span = _span(stage, experiment)
        for chosen in _of_stage(stage.name, details.get("given") or {}, names):
            outputs.append(chosen)
            sentences = details.get("sentences") or []
            for card in (*chosen.best, *chosen.worst):
                card.sentences = tuple(sentences[card.index]) if card.index < len(sentences) else ()
            order += [(i, card, folder, span) for cards in (chosen.best, chosen.worst) for i, card in enumerate(cards)]
    for _, card, folder, span in sorted(order, key=lambda each: each[0]):
        card.players = clips.players(card.name, folder, span)
        card.name = short_name(card.name, folder)
    return outputs


def _span(stage: StageRecord, experiment: Experiment | None) -> Clip | None:
    """Return the part of a file that is a sample of this stage, where its data set says so."""
    if experiment is None or stage.name not in experiment.stages:
        return None
    dataset = experiment.data[experiment.stages[stage.name].data].dataset
    clip: Clip | None = dataset.clip if isinstance(dataset, ReadsMedia) else None
    return clip


def _of_stage(stage: str, by_given: Mapping[str, Any], names: Sequence[str]) -> list[OutputSamples]:
    calls: dict[tuple[str, str], list[str]] = {}
    for given, metrics in by_given.items():
        for metric, details in metrics.items():
            for output in details["outputs"]:
                calls.setdefault((metric, output), []).append(given)
    outputs = []
    for (metric, output), givens in calls.items():
        given = fullest(givens)
        details = by_given[given][metric]
        cards = _cards(details, details["outputs"][output], names)
        half = min(EACH, (len(cards) + 1) // 2)
        if cards:
            worst = tuple(reversed(cards[max(half, len(cards) - EACH) :]))
            outputs.append(OutputSamples(stage, metric, given, output, details["score"], tuple(cards[:half]), worst))
    return outputs


def _cards(details: Mapping[str, Any], output: Mapping[str, Any], names: Sequence[str]) -> list[Card]:
    """Make a card of every sample that counts, best first; equals in the order of the data set."""
    classes = details["classes"]

    def word(numbers: Sequence[int | None], index: int) -> str:
        number = numbers[index] if index < len(numbers) else None
        return "" if number is None else classes[number] if classes else str(number)

    scored = [(score, i) for i, score in enumerate(output["scores"]) if score is not None]
    return [
        Card(i, names[i] if i < len(names) else f"sample {i}", score, word(details["targets"], i), word(output["answers"], i))
        for score, i in sorted(scored, key=lambda each: (-each[0], each[1]))
    ]
