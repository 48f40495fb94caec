"""Results as tables, and numbers as text."""

from __future__ import annotations

import math

import pytest

from antifaz.report.results import headline, number, percent, tables

RESULTS = {
    "test": {
        "audio": {"accuracy": {"labels": 25.0, "labels_samples": 32}},
        "audio+video": {"accuracy": {"labels": 75.0, "mean": 4e-6}},
    }
}


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (4e-6, "4e-06"),
        (93.75, "93.75"),
        (100.0, "100"),
        (0.123456, "0.123"),
        (12345.6, "12,346"),
        (math.nan, "not a number"),
        (-math.inf, "-∞"),
    ],
)
def test_numbers_are_short(value: float, text: str) -> None:
    assert number(value) == text


def test_a_share_is_a_percentage() -> None:
    assert percent(0.1234) == "12.3 %"


def test_a_row_for_each_figure_and_a_column_for_each_set_of_modalities() -> None:
    (table,) = tables(RESULTS)
    assert (table.stage, table.metric, table.columns) == ("test", "accuracy", ("audio", "audio+video"))
    assert list(table.rows) == ["labels", "mean"]
    first, second = table.rows["labels"]
    assert (first.value, first.samples, second.value, second.samples) == (25.0, 32, 75.0, None)
    assert table.rows["mean"][0] is None
    assert table.rows["mean"][1].text == "4e-06"


def test_the_headline_is_the_best_counted_figure_of_the_fullest_column() -> None:
    results = {"test": {"audio": {"a": {"x": 90.0, "x_samples": 4}}, "audio+video": {"a": {"x": 50.0, "x_samples": 4, "y": 99.0}}}}
    assert headline(results) == "a of x given audio+video: 50"
    assert headline({}) == ""
