"""Files of weights: what is no plain tensors is refused, in words."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

import pytest
import torch

from antifaz.core.errors import WeightsError
from antifaz.data.weight_files import read_weights


def test_a_pickled_object_is_named(tmp_path: Path) -> None:
    torch.save({"a": torch.zeros(2), "args": PurePosixPath("x")}, tmp_path / "model.pt")
    with pytest.raises(WeightsError) as refused:
        read_weights(tmp_path / "model.pt")
    assert str(refused.value) == (
        f"{tmp_path}/model.pt cannot be read as plain weights: it holds a pickled pathlib.PurePosixPath, and nothing is unpickled\n"
        "    convert it to safetensors, or save `model.state_dict()` alone"
    )


@pytest.mark.parametrize("content", [b"", b"some text", b"a: {b: 1}", b"\x80\x04.", b"PK\x03\x04"])
@pytest.mark.filterwarnings("ignore:Detected pickle protocol")
def test_what_torch_did_not_write_is_told_without_escape_codes(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "weights.pt"
    path.write_bytes(content)
    with pytest.raises(WeightsError, match="it is damaged, or torch did not write it") as refused:
        read_weights(path)
    assert "\x1b" not in str(refused.value)
