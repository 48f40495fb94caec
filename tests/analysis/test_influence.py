"""verify on the shipped quick start: forbidden influences are exactly zero, and a module that breaks its routing is caught."""

from __future__ import annotations

import pytest
import torch

from antifaz.analysis.influence import MODES, SOME_ABSENT, VerifyReport, absences, measure, randomize_parameters, verify
from antifaz.core.experiment import read
from antifaz.core.graph.module import build_graph

PURE = ("pooled", "labels")


@pytest.fixture(scope="module")
def report(plugins):
    return verify(read("quickstart", plugins))


def test_quickstart_is_clean(report) -> None:
    assert report.ok
    assert {f.mode for f in report.findings} == set(MODES)


@pytest.mark.parametrize("node", PURE)
@pytest.mark.parametrize(("stream", "other"), [("audio", "video"), ("video", "audio")])
def test_pure_outputs_have_exactly_zero_gradient(report, node: str, stream: str, other: str) -> None:
    found = [f for f in report.findings if f.output == f"{node}.{stream}"]
    forbidden = [f for f in found if f.modality == other]
    assert len(forbidden) == len(MODES)
    assert all(f.gradient == 0.0 and not f.changed for f in forbidden)
    assert all(f.gradient > 0.0 and f.changed for f in found if f.modality == stream)


@pytest.mark.parametrize("output", ["pooled.fusion", "pooled.global", "labels.fusion", "encoder.fusion"])
def test_fused_outputs_depend_on_both(report, output: str) -> None:
    found = [f for f in report.findings if f.output == output]
    assert {f.modality for f in found} == {"audio", "video"}
    assert all(f.gradient > 0.0 for f in found)


def test_a_joint_encoder_breaks_the_claim_with_its_path(plugins) -> None:
    broken = verify(read("quickstart", plugins, ["graph.encoder.mask=joint"]))
    assert not broken.ok
    claim = next(c for c in broken.claims if c.output == "labels.audio")
    assert claim.paths == {"video": ("batch.video", "video", "encoder.audio", "pooled.audio", "labels.audio")}


def test_a_module_that_breaks_its_routing_is_found(plugins) -> None:
    """The routing says zorro, the module does as it likes."""
    experiment = read("quickstart", plugins)
    graph = build_graph(experiment.wiring).double()
    joint = build_graph(read("quickstart", plugins, ["graph.encoder.mask=joint"]).wiring)
    graph.encoder.routing = joint.encoder.routing
    randomize_parameters(graph, 0)
    assert not all(f.ok for f in measure(graph, "evaluation", 0))


def test_a_module_that_leaks_beside_absent_samples_alone_is_found(plugins) -> None:
    graph = build_graph(read("quickstart", plugins).wiring).double()
    joint = build_graph(read("quickstart", plugins, ["graph.encoder.mask=joint"]).wiring)
    right = graph.encoder.routing

    def forget(module, arguments):
        (streams,) = arguments
        marked = any(tokens.valid is not None for tokens in streams.values())
        module.routing = joint.encoder.routing if marked else right

    graph.encoder.register_forward_pre_hook(forget)
    randomize_parameters(graph, 0)
    assert all(f.ok for f in measure(graph, "evaluation", 0))
    assert not all(f.ok for f in measure(graph, SOME_ABSENT, 0))


def test_a_graph_that_reads_whole_numbers_alone_is_measured_by_drawing_anew(plugins) -> None:
    found = verify(read("perceiver-mlm", plugins))
    assert found.ok
    assert [f.changed for f in found.findings if f.output == "letters"] == [True, True, True]


def test_a_sample_that_lacks_a_modality_has_the_outputs_of_a_call_without_it(plugins) -> None:
    """Every shipped kind of model; latents alone make no answer of a sample (AGG tokens of vatt)."""
    for name in ("quickstart", "quickstart-hip", "quickstart-mbt", "vatt-tiny"):
        experiment = read(name, plugins)
        graph = build_graph(experiment.wiring).double()
        randomize_parameters(graph, 0)
        found = absences(graph, 0)
        assert {(a.output, a.modality) for a in found} >= {(output, "audio") for output in experiment.wiring.influences()}
        assert all(absence.ok for absence in found)


def test_a_bias_that_is_added_for_an_absent_modality_is_found(plugins) -> None:
    """It has no gradient, and nothing in the place of what is absent changes it."""
    experiment = read("quickstart", plugins)
    graph = build_graph(experiment.wiring).double()
    randomize_parameters(graph, 0)

    def leak(module, arguments, streams):
        given = arguments[0]
        fusion = streams["fusion"]
        bias = torch.linspace(-0.1, 0.1, fusion.values.shape[2]) * ("video" in given)
        return streams | {"fusion": fusion.with_values(fusion.values + bias)}

    graph.encoder.register_forward_hook(leak)
    assert all(f.ok for f in measure(graph, SOME_ABSENT, 0))
    found = {a.output: a for a in absences(graph, 0) if not a.ok}
    assert {a.modality for a in found.values()} == {"video"}
    assert "labels.global" in found
    assert "labels.audio" not in found
    report = VerifyReport((), (), absences=tuple(found.values()))
    assert not report.ok
    assert report.json()["absences"][0]["ok"] is False
