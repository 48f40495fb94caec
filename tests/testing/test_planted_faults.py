"""The conformance kit finds what is wrong, and says nothing of what is right."""

from __future__ import annotations

from pathlib import Path

import pytest

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
        ("LeakThroughFusion", {"routing", "absent streams"}),
        ("LeakBesideAbsence", {"routing", "absent streams"}),
        ("InvalidAveraged", {"invalid tokens"}),
        ("OrderDependent", {"order of streams"}),
        ("DeadParameter", {"trained parameters"}),
        (
            "NotDeterministic",
            {"determinism", "batch independence", "compilation", "absent streams", "invalid tokens", "order of streams"},
        ),
        ("BatchMixed", {"batch independence"}),
        ("NeedsEverything", {"absent streams"}),
        ("NoMeta", {"meta device"}),
        ("ForgottenState", {"state dict"}),
        ("WrongShape", {"shapes", "meta device", "invalid tokens"}),
    ],
)
def test_a_fault_is_found_by_the_check_that_is_about_it(faulty: Plugins, fault: str, found: set[str]) -> None:
    failed = set()
    for check in conformance([Example("backbone", f"{{use: means, fault: {fault}}}", STREAMS)], plugins=faulty):
        try:
            check()
        except Exception:
            failed.add(check.name.partition(": ")[2])
    assert failed == found
