"""Curves of the figures that a training stage logged, as inline SVG: small, sharp, and readable on light and dark."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import attrs

from antifaz.engine.run_folder import VALIDATION
from antifaz.report.results import SAMPLES

Points = Sequence[tuple[float, float]]

WIDTH, HEIGHT = 360, 210
LEFT, RIGHT, TOP, BOTTOM = 56, 16, 10, 34
"""Room for ticks and their labels, in units of the picture."""
BUCKETS = 300
"""A longer curve keeps the lowest and the highest point of each of so many parts, so that no spike is lost."""
WORDS = {"gradient_norm": "gradient norm", "learning_rate": "learning rate", "samples_per_second": "samples per second"}
NOT_FIGURES = ("stage", "step")


@attrs.frozen
class Line:
    """label: of the run, empty in a page of one. last: the figure at its end. path: of SVG. color: a number of the palette."""

    label: str
    last: float
    path: str
    dots: tuple[tuple[float, float], ...]
    color: int


@attrs.frozen
class Chart:
    """ticks: (place, words) along each axis."""

    title: str
    lines: tuple[Line, ...]
    x_ticks: tuple[tuple[float, str], ...]
    y_ticks: tuple[tuple[float, str], ...]
    width: int = WIDTH
    height: int = HEIGHT
    left: int = LEFT
    right: int = WIDTH - RIGHT
    top: int = TOP
    bottom: int = HEIGHT - BOTTOM


def series(records: Sequence[Mapping[str, Any]]) -> dict[str, list[tuple[float, float]]]:
    """Map each figure that a training stage logged to its (step, value) points, those of its validation included.

    Those come last. Other figures with a slash are of evaluations. On how many samples a figure was computed is no curve.
    """
    points: dict[str, list[tuple[float, float]]] = {}
    for record in records:
        for name, value in record.items():
            drawn = name.startswith(VALIDATION) and not name.endswith(SAMPLES) if "/" in name else name not in NOT_FIGURES
            if drawn and isinstance(value, int | float):
                points.setdefault(name, []).append((float(record["step"]), float(value)))
    return dict(sorted(points.items(), key=lambda item: item[0].startswith(VALIDATION)))


def charts(runs: Mapping[str, Mapping[str, Points]]) -> list[Chart]:
    """Draw a chart for each figure, with a line for each run. runs: label -> figure -> points.

    A term that is the whole loss is the same curve, and drawn once.
    """
    drawn = []
    loss = {label: figures.get("loss") for label, figures in runs.items()}
    for name in dict.fromkeys(name for figures in runs.values() for name in figures):
        lines = {label: figures[name] for label, figures in runs.items() if name in figures}
        if name != "loss" and all(points == loss[label] for label, points in lines.items()):
            continue
        colors = {label: i for i, label in enumerate(runs)}
        chart = _chart(WORDS.get(name, name), lines, colors)
        if chart is not None:
            drawn.append(chart)
    return drawn


def _chart(title: str, runs: Mapping[str, Points], colors: Mapping[str, int]) -> Chart | None:
    """Draw one figure; None where no value is finite."""
    finite = {label: [(x, y) for x, y in points if math.isfinite(y)] for label, points in runs.items()}
    finite = {label: thinned(points) for label, points in finite.items() if points}
    if not finite:
        return None
    xs = [x for points in finite.values() for x, _ in points]
    ys = [y for points in finite.values() for _, y in points]
    x_low, x_high, x_ticks = _axis(min(xs), max(xs), whole=True)
    y_low, y_high, y_ticks = _axis(min(ys), max(ys))

    def place(x: float, y: float) -> tuple[float, float]:
        across = LEFT + (x - x_low) / (x_high - x_low) * (WIDTH - LEFT - RIGHT)
        up = HEIGHT - BOTTOM - (y - y_low) / (y_high - y_low) * (HEIGHT - BOTTOM - TOP)
        return round(across, 1), round(up, 1)

    lines = []
    for label, points in finite.items():
        places = [place(*point) for point in points]
        path = "M" + "L".join(f"{x:g} {y:g}" for x, y in places)
        lines.append(Line(label, points[-1][1], path, tuple(places) if len(places) <= 12 else (), colors[label]))
    return Chart(
        title,
        tuple(lines),
        tuple((place(tick, y_low)[0], f"{tick:g}") for tick in x_ticks),
        tuple((place(x_low, tick)[1], f"{tick:.6g}") for tick in y_ticks),
    )


def _axis(low: float, high: float, *, whole: bool = False) -> tuple[float, float, list[float]]:
    """Return the ends of an axis, and round places on it. whole: only whole numbers."""
    from matplotlib.ticker import MaxNLocator

    if high == low:
        margin = 1.0 if whole else abs(low) * 0.1 or 1.0
        low, high = low - margin, high + margin
    elif not whole:
        margin = 0.04 * (high - low)
        low, high = low - margin, high + margin
    ticks = MaxNLocator(nbins=5, steps=[1, 2, 2.5, 5, 10], integer=whole).tick_values(low, high)
    return low, high, [float(tick) for tick in ticks if low <= tick <= high]


def thinned(points: Points) -> list[tuple[float, float]]:
    """Keep at most two points for each of BUCKETS parts, and the last."""
    if len(points) <= 2 * BUCKETS:
        return list(points)
    size = math.ceil(len(points) / BUCKETS)
    kept: list[tuple[float, float]] = []
    for begin in range(0, len(points), size):
        part = points[begin : begin + size]
        ends = {min(part, key=lambda p: p[1]), max(part, key=lambda p: p[1])}
        kept += sorted(ends)
    return kept if kept[-1] == points[-1] else [*kept, points[-1]]
