"""Details that a metric keeps beside its figures, so that a report can name the samples and classes behind them. No torch."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import attrs


@attrs.frozen(kw_only=True)
class OutputDetails:
    """One output of the model, over a whole evaluation set.

    scores: for each sample, in the order of the data set, how well the output did on it: larger is better, None where it does not
        count.
    answers: for each sample the number of the class that the output names, None where it does not count.
    confusion: (class that is right, class that was named) -> how many samples. Pairs that never occur are left out.
    """

    scores: Sequence[float | None] = ()
    answers: Sequence[int | None] = ()
    confusion: Mapping[tuple[int, int], int] = attrs.field(factory=dict)


@attrs.frozen(kw_only=True)
class Details:
    """The result of a metric's optional `details`.

    outputs: by the name under which the figures have them.
    classes: names by class number; empty where they are not known.
    targets: for each sample the number of the class that is right, None where it has none.
    score: what `scores` are, in words.
    """

    outputs: Mapping[str, OutputDetails]
    classes: Sequence[str] = ()
    targets: Sequence[int | None] = ()
    score: str = "score"

    def json(self) -> dict[str, Any]:
        """Plain data; scores keep six figures."""
        outputs = {
            name: {
                "scores": [None if score is None else _short(score) for score in output.scores],
                "answers": list(output.answers),
                "confusion": [[*pair, count] for pair, count in output.confusion.items()],
            }
            for name, output in self.outputs.items()
        }
        return {"score": self.score, "classes": list(self.classes), "targets": list(self.targets), "outputs": outputs}


def _short(score: float) -> float | None:
    """JSON has no word for what is not a number."""
    return float(f"{score:.6g}") if math.isfinite(score) else None
