"""check: the report holds everything that the command prints."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from antifaz.analysis.check.report import check
from antifaz.cli.commands.check import show
from antifaz.core.experiment import read

PARTS = {"nodes", "outputs", "stages", "data", "unused", "shared", "published", "changed_inputs", "missing_files", "broken_claims"}


def printed(report) -> str:
    show(report, Console(file=(out := io.StringIO()), width=200))
    return out.getvalue()


def test_json_has_every_part(plugins) -> None:
    answer = check(read("quickstart", plugins), data=False).json()
    assert set(answer) == {"name", "parameters", "flops"} | PARTS
    assert answer["missing_files"] == answer["broken_claims"] == []


def test_broken_claims_belong_to_the_report(plugins) -> None:
    report = check(read("quickstart", plugins, ["graph.encoder.mask=joint"]), data=False)
    path = "batch.video -> video -> encoder.audio -> pooled.audio -> labels.audio"
    claim = f"labels.audio was claimed to depend on audio alone: video arrives by {path}"
    assert claim in report.broken_claims
    assert report.json()["broken_claims"] == list(report.broken_claims)
    assert f"not pure: {claim}" in printed(report).replace("\n", " ").replace("  ", " ")


@pytest.mark.parametrize(
    ("counted_by", "comparison"),
    [("", "(+0.0 % here)"), ("counted_by: an old profiler", "(counted by an old profiler, not compared)")],
)
def test_published_flops_that_were_counted_otherwise_are_not_compared(plugins, counted_by: str, comparison: str) -> None:
    flops = check(read("quickstart", plugins), data=False).flops
    report = check(read("quickstart", plugins, [f"published={{source: us, flops: {float(flops)}, {counted_by}}}"]), data=False)
    assert f"published by us: 49.4 MFLOPs {comparison}\n" in printed(report)
    assert report.json()["published"]["counted_by"] == counted_by.removeprefix("counted_by: ")
