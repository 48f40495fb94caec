"""What a metric keeps of single samples, as plain data."""

from __future__ import annotations

import json
import math

from antifaz.core.interfaces import Details, OutputDetails


def test_details_are_json_with_six_figures() -> None:
    output = OutputDetails(
        scores=(1 / 3, None, -math.inf, math.nan, 1234567.0), answers=(1, None), confusion={(0, 1): 2, (1, 1): 5}
    )
    details = Details(outputs={"fusion": output}, classes=("cat", "dog"), targets=(1, None), score="probability")
    assert json.loads(json.dumps(details.json(), allow_nan=False)) == {
        "score": "probability",
        "classes": ["cat", "dog"],
        "targets": [1, None],
        "outputs": {
            "fusion": {
                "scores": [0.333333, None, None, None, 1234570.0],
                "answers": [1, None],
                "confusion": [[0, 1, 2], [1, 1, 5]],
            }
        },
    }
