"""Curves of what training logged."""

from __future__ import annotations

import math

from antifaz.report.sections.curves import BUCKETS, charts, series, thinned


def test_curves_keep_spikes_and_leave_out_what_is_not_finite() -> None:
    points = [(float(i), 1.0) for i in range(100_000)]
    points[77_777] = (77_777.0, 9.0)
    kept = thinned(points)
    assert len(kept) <= 2 * BUCKETS + 1
    assert (77_777.0, 9.0) in kept
    assert kept[-1] == points[-1]
    records = [{"stage": "s", "step": i, "loss": 1.0 / i, "av": 1.0 / i, "x": math.nan, "all/m/f": 2.0} for i in (1, 2, 4)]
    found = charts({"": series(records)})
    assert [chart.title for chart in found] == ["loss"]  # `av` is the whole loss, `x` never finite, the last no curve
    (line,) = found[0].lines
    heights = [y for _, y in line.dots]
    assert heights == sorted(heights)  # a falling loss goes down the picture
    assert line.last == 0.25


def test_figures_of_the_validation_have_curves() -> None:
    record = {"stage": "s", "step": 4, "validation/all/m/f": 1.0, "validation/all/m/f_samples": 32.0, "all/m/f": 2.0}
    found = series([record, {"stage": "s", "step": 5, "loss": 3.0}])
    assert list(found.items()) == [("loss", [(5.0, 3.0)]), ("validation/all/m/f", [(4.0, 1.0)])]
