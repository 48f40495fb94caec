"""Exceptions of plugins in words: one line, and the plugin's own last lines."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from torch.distributed import DistBackendError

from antifaz.core.discovery import discover
from antifaz.plugins.optimizers.sgd import SGD
from antifaz.registry import failing_plugin, failure, is_lost_process, plugin_of
from antifaz.registry.failures import last_lines

PLUGIN = """
import json
import attrs
from antifaz.registry import component, hookimpl

@component("schedule", "odd")
@attrs.frozen
class Odd:
    "Odd."
    def rate(self, step, steps, peak):
        return self.read("{")

    def read(self, text):
        return json.loads(text)

@hookimpl
def antifaz_components():
    return [Odd]
"""


@pytest.fixture
def odd(tmp_path: Path):
    (tmp_path / "odd_rates.py").write_text(PLUGIN)
    catalogue = discover([tmp_path / "odd_rates.py"]).catalogue
    return catalogue.find("odd", ["schedule"]).spec()


def test_a_plugin_is_its_folder_its_file_or_its_package(odd) -> None:
    assert plugin_of(SGD(lr=0.1)) == "optimizers"
    assert plugin_of(odd) == "odd_rates"
    assert plugin_of(json.JSONDecoder()) == "json"


def test_the_lines_are_those_of_the_plugin(odd, tmp_path: Path) -> None:
    with pytest.raises(json.JSONDecodeError) as caught:
        odd.rate(0, 1, 0.1)
    assert failure(caught.value, odd).startswith("JSONDecodeError: Expecting property name")
    assert failure(caught.value, odd).endswith("(odd_rates.py:14)")
    file = tmp_path / "odd_rates.py"
    assert last_lines(caught.value, odd) == (
        f'\n    {file}:11, in rate: return self.read("{{")\n    {file}:14, in read: return json.loads(text)'
    )


def test_code_that_another_component_holds_is_found_too(odd, tmp_path: Path) -> None:
    with pytest.raises(json.JSONDecodeError) as caught:
        odd.rate(0, 1, 0.1)
    assert f"{tmp_path / 'odd_rates.py'}:14, in read" in last_lines(caught.value, SGD(lr=0.1))


def test_long_words_are_cut() -> None:
    assert len(failure(ValueError("word " * 200), SGD(lr=0.1))) < 250


def test_the_innermost_plugin_that_an_exception_passed(odd) -> None:
    with pytest.raises(json.JSONDecodeError) as caught:
        odd.rate(0, 1, 0.1)
    assert plugin_of(failing_plugin(caught.value, ())) == "odd_rates"
    assert plugin_of(failing_plugin(caught.value, ["json"])) == "json"
    with pytest.raises(ZeroDivisionError) as other:
        _ = 1 / 0
    assert failing_plugin(other.value, ["json"]) is None


@pytest.mark.parametrize(
    ("error", "lost"),
    [
        (RuntimeError("[/gloo/transport/tcp/pair.cc:547] Connection closed by peer [127.0.0.1]:1"), True),
        (RuntimeError("[/gloo/transport/tcp/unbound_buffer.cc:78] Timed out waiting 2000ms for recv operation to complete"), True),
        (RuntimeError("Application timeout caused pair closure"), True),
        (DistBackendError("NCCL error in: NCCLUtils.cpp:94, remote process exited or there was a network error"), True),
        (DistBackendError("NCCL error in: Duplicate GPU detected : rank 0 and rank 1 both on CUDA device 3000"), False),
        (RuntimeError("the server of the labels closed the connection"), False),
        (ConnectionResetError("Connection reset by peer"), False),
    ],
)
def test_processes_that_are_gone_are_told_from_mistakes(error: Exception, lost: bool) -> None:
    assert is_lost_process(error) is lost
