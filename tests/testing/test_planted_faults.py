"""The conformance kit finds what is wrong, and says nothing of what is right."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import antifaz.testing
from antifaz.core.discovery import discover
from antifaz.core.examples import Example
from antifaz.core.streams import Stream
from antifaz.registry import Plugins
from antifaz.testing import conformance

STREAMS = {
    "video": Stream("video", 8, (2, 2)),
    "audio": Stream("audio", 8, (5,)),
    "fusion": Stream("fusion", 8, (3,), latent=True),
}


@pytest.fixture(scope="module")
def faulty() -> Plugins:
    return discover([Path(__file__).parents[1] / "support" / "planted_faults.py"])


@pytest.mark.parametrize(
    ("fault", "found"),
    [
        ("Means", set()),
        ("LeakThroughPooling", {"routing", "absent streams"}),
        ("LeakThroughFusion", {"routing", "absent streams", "absent or missing"}),
        ("LeakBesideAbsence", {"routing", "absent streams", "absent or missing"}),
        ("AbsenceBias", {"absent or missing"}),
        ("InvalidAveraged", {"absent or missing", "invalid tokens"}),
        ("OrderDependent", {"absent or missing", "order of streams"}),
        ("DeadParameter", {"trained parameters"}),
        (
            "NotDeterministic",
            {
                "determinism",
                "batch independence",
                "compilation",
                "absent streams",
                "absent or missing",
                "invalid tokens",
                "order of streams",
            },
        ),
        ("BatchMixed", {"batch independence", "absent or missing"}),
        ("NeedsEverything", {"absent streams", "absent or missing"}),
        ("NoMeta", {"meta device"}),
        ("ForgottenState", {"state dict"}),
        ("WrongShape", {"shapes", "meta device", "invalid tokens"}),
    ],
)
def test_a_fault_is_found_by_the_check_that_is_about_it(faulty: Plugins, fault: str, found: set[str]) -> None:
    failed = {}
    for check in conformance([Example("backbone", f"{{use: means, fault: {fault}}}", STREAMS)], plugins=faulty):
        try:
            check()
        except Exception as error:
            failed[check.name.partition(": ")[2]] = error
    assert set(failed) == found
    for error in failed.values():
        if isinstance(error, AssertionError):  # others are raised by the component's own code
            assert str(error).startswith(f"backbone {{use: means, fault: {fault}}}: ")
            assert "To mend it: " in str(error)


def test_no_check_fails_without_words() -> None:
    folder = Path(antifaz.testing.__file__).parent
    nodes = ((path, node) for path in folder.glob("*.py") for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))))
    assert [f"{path.name}:{node.lineno}" for path, node in nodes if isinstance(node, ast.Assert) and node.msg is None] == []


def test_a_mask_that_depends_on_the_order_of_streams_is_told_so(faulty: Plugins) -> None:
    checks = {check.name: check for check in conformance([Example("mask", "ordered", STREAMS)], plugins=faulty)}
    with pytest.raises(AssertionError, match=r"mask ordered: asked in another order .* audio reads .*(\n.*)*To mend it: decide by"):
        checks["ordered: order of streams"]()
