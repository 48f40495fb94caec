"""Claims of purity against the composed routing, and the layers from which streams mix."""

from __future__ import annotations

from antifaz.analysis.purity import broken_claims, claims, mixings, stage_prefix
from antifaz.core.experiment import read


def test_claims_that_hold_name_their_modalities_alone(plugins) -> None:
    texts = {claim.text for claim in claims(read("quickstart", plugins))}
    assert "labels.audio depends on audio alone" in texts
    assert broken_claims(read("quickstart", plugins)) == []


def test_a_broken_claim_has_the_path_of_every_influence(plugins) -> None:
    experiment = read("quickstart", plugins, ["graph.encoder.mask=joint"])
    (claim,) = [claim for claim in claims(experiment) if claim.output == "labels.video"]
    assert not claim.holds
    assert claim.influenced_by == ("audio", "video")
    assert claim.paths == {"audio": ("batch.audio", "audio", "encoder.video", "pooled.video", "labels.video")}
    assert claim.text in broken_claims(experiment)


def test_streams_mix_from_the_first_layer_of_a_joint_encoder_and_never_in_zorros(plugins) -> None:
    assert mixings(read("quickstart", plugins)) == []
    joint = mixings(read("quickstart", plugins, ["graph.encoder.mask=joint"]))
    assert [(m.stream, m.source, m.layer) for m in joint] == [("encoder.video", "audio", 1), ("encoder.audio", "video", 1)]


def test_a_stage_is_named_where_graphs_differ(plugins) -> None:
    assert stage_prefix(read("quickstart", plugins), "pretrain") == ""
    two = read("quickstart", plugins, ["stages.finetune.graph={encoder: {depth: 1}}"])
    assert stage_prefix(two, "finetune") == "finetune: "
