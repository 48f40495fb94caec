"""A plugin file of mistakes that show only at run time: each option plants one. Without any it is right."""

from __future__ import annotations

import os
import signal
from collections.abc import Mapping
from typing import Any

import attrs
import torch
from torch import Tensor

from antifaz.core.errors import DataError
from antifaz.core.interfaces import Sample
from antifaz.core.objectives import Loss, Objective, Term, masked_sum
from antifaz.core.streams import Shape
from antifaz.core.tokens import Features
from antifaz.registry import component, hookimpl, option


class Motions:
    """Sample i has the class i % 2."""

    def __init__(self, spec: MotionsSpec) -> None:
        self.fault, self.shapes = spec.fault, spec.shapes()
        if self.fault == "index":
            open("/nowhere/index.csv").close()
        if self.fault == "says":
            raise DataError("no such motions")

    def __len__(self) -> int:
        return 16

    def load(self, index: int, seed: int) -> Any:
        motion = torch.full((8,), float(index % 2))
        label = torch.tensor(index % 2)
        if self.fault == "raises" and index == 1:
            raise KeyError("acceleration")
        if self.fault == "killed" and index == 1:
            os.kill(os.getpid(), signal.SIGKILL)
        if self.fault == "dictionary":
            return {"motion": motion, "label": label}
        if self.fault == "unreadable" and index in (1, 2):
            return Sample(index, {}, f"motion {index} is broken")
        if self.fault == "index_of_it":
            return Sample(0, {"motion": motion, "label": label})
        faulty: dict[str, dict[str, Any]] = {
            "unknown": {"motoin": motion, "label": label},
            "shape": {"motion": motion[:7], "label": label},
            "ragged": {"motion": motion[: 8 - index % 2], "label": label},
            "double": {"motion": motion.double(), "label": label},
            "array": {"motion": motion.numpy(), "label": label},
            "nan": {"motion": motion / (index != 3), "label": label},
            "labels_only": {"motion": motion, "label": None},
            "range": {"motion": motion, "label": label + 5 * (index == 3)},
        }
        return Sample(index, faulty.get(self.fault, {"motion": motion, "label": label}))

    def finish(self, name: str, stored: Tensor) -> Any:
        return stored.numpy() if self.fault == "finish" else stored

    def __getattr__(self, name: str) -> Any:
        if name == "identity" and self.__dict__.get("fault") != "nameless":
            return lambda index: f"motion {index}"
        if name == "counts" and self.__dict__.get("fault") != "uncounted":
            return lambda: {"found": 16, "missing": 0, "unreadable": 0}
        raise AttributeError(name)


@component("dataset", "motions")
@attrs.frozen(kw_only=True)
class MotionsSpec:
    """Motions of two classes."""

    fault: str = option(default="", doc="what is wrong")

    def shapes(self) -> Mapping[str, Shape]:
        if self.fault == "declares":
            raise LookupError("no such shape")
        return {"motion": Shape((8,)), "label": Shape((), "int64", ("still", "moving"))}

    def build(self, training: bool) -> Any:
        return object() if self.fault == "object" else Motions(self)

    def peek(self) -> Any:
        return self.build(False)


class Scale:
    def __init__(self, fault: str) -> None:
        self.fault = fault

    def __call__(self, batch: Mapping[str, Features]) -> Any:
        values = batch["motion"].values
        changed: dict[str, Any] = {
            "": Features(2 * values),
            "shape": Features(values[..., :7]),
            "tensor": values,
            "rows": Features(values[1:]),
        }
        if self.fault == "raises":
            raise ValueError("cannot scale")
        if self.fault == "drops":
            return {"label": batch["label"]}
        if self.fault == "adds":
            return {**batch, "motions": batch["motion"]}
        return [] if self.fault == "list" else {**batch, "motion": changed[self.fault]}


@component("batch_transform", "scale")
@attrs.frozen(kw_only=True)
class ScaleSpec:
    """Doubles every motion."""

    fault: str = option(default="", doc="what is wrong")

    def shapes(self, shapes: Mapping[str, Shape]) -> Mapping[str, Shape]:
        return {}

    def build(self, shapes: Mapping[str, Shape]) -> Any:
        return Scale(self.fault)


class Squares(Objective):
    def __init__(self, fault: str) -> None:
        super().__init__()
        self.fault = fault

    def forward(self, *, scores: Mapping[str, Features], target: Mapping[str, Features]) -> Any:
        (score,), (label,) = scores.values(), target.values()
        errors = (score.values[:, 0] - label.values) ** 2
        valid = score.presence() & label.presence()
        total, count = masked_sum(errors, valid), valid.sum()
        if self.fault == "indexing":
            return Loss({"squares": Term(errors[valid].sum(), count)})
        if self.fault == "real" and errors.device.type != "meta":
            raise RuntimeError("not with these values")
        returned: dict[str, Any] = {
            "": Loss({"squares": Term(total, count)}),
            "terms": Loss({}),
            "tensor": total / count.clamp(min=1),
            "endless": Loss({"squares": Term(total / 0, count)}),
            "vector": Loss({"squares": Term(errors, count)}),
            "number": Loss({"squares": Term(total, len(errors))}),  # type: ignore[arg-type]
        }
        return returned.get(self.fault, returned[""])


@component("objective", "squares", arguments=("scores", "target"))
@attrs.frozen(kw_only=True)
class SquaresSpec:
    """Squared errors of the first score."""

    fault: str = option(default="", doc="what is wrong")

    def validate(self, inputs: Any) -> None: ...

    def build(self, inputs: Any) -> Squares:
        return Squares(self.fault)


@component("metric", "balanced", arguments=("scores", "target"))
@attrs.frozen(kw_only=True)
class BalancedSpec:
    """The share of right answers."""

    fault: str = option(default="", doc="what is wrong")

    def validate(self, inputs: Any) -> None: ...

    def build(self, inputs: Any) -> Any:
        def balanced(scores: Mapping[str, Features], target: Mapping[str, Features]) -> Any:
            (score,), (label,) = scores.values(), target.values()
            share = (score.values.argmax(1) == label.values).float().mean()
            if self.fault == "raises":
                raise ValueError("only one class present")
            returned: dict[str, Any] = {
                "": {"share": float(share)},
                "tensor": share,
                "number": float(share),
                "empty": {},
                "inner": {"share": share},
                "nested": {"share": {"all": float(share)}},
            }
            return returned[self.fault]

        return balanced


@component("callback", "forgetful")
@attrs.frozen(kw_only=True)
class ForgetfulSpec:
    """Has no method."""

    def build(self) -> object:
        return object()


@component("logger", "forgetful")
@attrs.frozen(kw_only=True)
class ForgetfulLoggerSpec:
    """Has no method."""

    def build(self, run: Any) -> object:
        return object()


@hookimpl
def antifaz_components() -> list[type]:
    return [MotionsSpec, ScaleSpec, SquaresSpec, BalancedSpec, ForgetfulSpec, ForgetfulLoggerSpec]
