"""The conformance kit finds what is wrong, and says nothing of what is right."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import antifaz.testing
from antifaz.core.discovery import discover
from antifaz.core.examples import Example
from antifaz.core.streams import Shape, Stream
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
        assert isinstance(error, AssertionError)
        assert str(error).startswith(f"backbone {{use: means, fault: {fault}}}: ")
        assert "To mend it: " in str(error)
        assert "The check: " in str(error)


PAIRS = {"left": {"a": Shape((4,))}, "right": {"b": Shape((4,))}}


def failures(example: Example, plugins: Plugins) -> dict[str, str]:
    """The messages of the checks that fail, all of them AssertionErrors."""
    failed = {}
    for check in conformance([example], plugins=plugins):
        try:
            check()
        except AssertionError as error:
            failed[check.name.partition(": ")[2]] = str(error)
    return failed


@pytest.mark.parametrize(
    ("kind", "component", "said"),
    [
        ("metric", "bare", "returns a bare float, not a mapping of names to numbers"),
        ("metric", "tensor", "returns 'a' as a tensor [], not as a number: `.item()` makes one"),
        ("metric", "raises", "fails: KeyError: 'absent' (planted_faults.py:"),
        ("objective", "no_terms", "returns a Loss without terms: there is nothing to minimise"),
    ],
)
def test_what_is_no_result_is_told_by_every_check(faulty: Plugins, kind: str, component: str, said: str) -> None:
    example = Example(kind, component, PAIRS)
    messages = failures(example, faulty)
    assert len(messages) == len(conformance([example], plugins=faulty))
    for message in messages.values():
        assert message.startswith(f"{kind} {component}: ")
        assert said in message
        assert "\n    To mend it: " in message
        assert "\n    The check: " in message


def test_what_depends_on_values_is_told_so(faulty: Plugins) -> None:
    message = failures(Example("objective", "boolean", PAIRS), faulty)["meta device"]
    assert message.startswith("objective boolean: fails: NotImplementedError: ")
    assert "in boolean: kept = (left - right)[valid]" in message
    assert "To mend it: it is tried on shapes alone, so none may depend on values: in place of boolean indexing" in message


def test_a_data_set_may_leave_out_names_and_counts(faulty: Plugins) -> None:
    assert failures(Example("dataset", "numbers"), faulty) == {}


def test_no_check_fails_without_words() -> None:
    folder = Path(antifaz.testing.__file__).parent
    nodes = ((path, node) for path in folder.glob("*.py") for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))))
    assert [f"{path.name}:{node.lineno}" for path, node in nodes if isinstance(node, ast.Assert) and node.msg is None] == []


def test_a_mask_that_depends_on_the_order_of_streams_is_told_so(faulty: Plugins) -> None:
    checks = {check.name: check for check in conformance([Example("mask", "ordered", STREAMS)], plugins=faulty)}
    with pytest.raises(AssertionError, match=r"mask ordered: asked in another order .* audio reads .*(\n.*)*To mend it: decide by"):
        checks["ordered: order of streams"]()
