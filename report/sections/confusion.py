"""Confusion matrices of an evaluation, from what its metrics kept."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import attrs

from antifaz.report.results import fullest
from antifaz.report.run_record import StageRecord

MOST_CLASSES = 40
"""A matrix of more classes cannot be read; the page lists the classes that are confused most instead."""
MOST_MATRICES = 40
"""Matrices that are drawn for one stage."""
MOST_PAIRS = 20


@attrs.frozen
class Row:
    """One class that is right. cells: (how many samples were given this class, their share of the row)."""

    name: str
    cells: tuple[tuple[int, float], ...]


@attrs.frozen
class Matrix:
    """rows and columns: right and named classes, empty for many classes. pairs: (right, named, samples), most frequent first."""

    metric: str
    given: str
    output: str
    classes: tuple[str, ...]
    rows: tuple[Row, ...]
    pairs: tuple[tuple[str, str, int], ...]


@attrs.frozen
class StageConfusion:
    """left_out: matrices that are in the run folder, but not on the page."""

    stage: str
    matrices: tuple[Matrix, ...]
    left_out: int


def confusion_matrices(stages: Sequence[StageRecord]) -> list[StageConfusion]:
    """Return the matrices of each stage that kept some, those of the fullest set of given modalities first."""
    confusions = []
    for stage in stages:
        matrices = list(_matrices((stage.details or {}).get("given") or {}))
        if matrices:
            left_out = max(0, len(matrices) - MOST_MATRICES)
            confusions.append(StageConfusion(stage.name, tuple(matrices[:MOST_MATRICES]), left_out))
    return confusions


def _matrices(by_given: Mapping[str, Any]) -> Iterator[Matrix]:
    if not by_given:
        return
    first = fullest(list(by_given))
    for given in sorted(by_given, key=lambda label: label != first):
        for metric, details in by_given[given].items():
            for output, kept in details["outputs"].items():
                if kept["confusion"]:
                    yield _matrix(metric, given, output, details["classes"], kept["confusion"])


def _matrix(metric: str, given: str, output: str, names: Sequence[str], counts: Sequence[tuple[int, int, int]]) -> Matrix:
    classes = names or [str(i) for i in range(1 + max(max(right, named) for right, named, _ in counts))]
    wrong = sorted((each for each in counts if each[0] != each[1]), key=lambda each: -each[2])
    pairs = tuple((classes[right], classes[named], count) for right, named, count in wrong[:MOST_PAIRS])
    if len(classes) > MOST_CLASSES:
        return Matrix(metric, given, output, (), (), pairs)
    table = [[0] * len(classes) for _ in classes]
    for right, named, count in counts:
        table[right][named] = count
    rows = tuple(
        Row(name, tuple((n, n / max(1, sum(counted))) for n in counted)) for name, counted in zip(classes, table, strict=True)
    )
    return Matrix(metric, given, output, tuple(classes), rows, pairs)
