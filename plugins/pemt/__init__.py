"""The parameter-efficient multimodal transformer: CNNs over short pieces, Transformers that share weights, its pre-training."""

from antifaz.core.examples import Example
from antifaz.registry import hookimpl

from .networks.spec import AudioResNet, VideoResNet
from .pieces.spec import Cut, MaskPieces, PieceTokens
from .pretraining.spec import MaskedPrediction, Mismatch
from .readouts.spec import PairReadout, PieceReadout, SummaryReadout
from .transformers.spec import PEMT


@hookimpl
def antifaz_components() -> list[type]:
    return [
        AudioResNet, Cut, MaskedPrediction, MaskPieces, Mismatch, PairReadout, PEMT, PieceReadout, PieceTokens, SummaryReadout,
        VideoResNet,
    ]  # fmt: skip


@hookimpl
def antifaz_examples() -> list[Example]:
    from .examples import EXAMPLES

    return EXAMPLES
