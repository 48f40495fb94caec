"""A component as a page describes it: what it is, what can be set, how a config writes it, and what it makes of which shapes."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

import attrs
import yaml

from antifaz.core.examples import FOLDER, Example
from antifaz.core.kinds import KINDS
from antifaz.core.streams import Group, Shape, Stream
from antifaz.registry import Component, Plugins, UnknownComponentError, component_of, suggest

from .options import OptionRow, as_yaml, option_rows

WIDTH = 110
"""Characters of a line of YAML."""
SECONDS = 1.0
"""Length of the clip whose shape is told of a decoder."""
DOMAINS = ("video", "spectrogram")
"""What decoders augment; a transform of another domain, or of none, is for data sets that take it themselves."""


@attrs.frozen(kw_only=True)
class ComponentPage:
    """A component, in words.

    arguments: of an objective or a metric, which `in:` fills.
    example: YAML, where it would stand in a config; empty without one.
    arriving, leaving: the values of the example by name, in words; what arrives at an argument is called `argument.name`.
    module: in which it is declared.
    """

    name: str
    kind: str
    plugin: str
    doc: str
    arguments: tuple[str, ...]
    options: tuple[OptionRow, ...]
    example: str
    arriving: Mapping[str, str]
    leaving: Mapping[str, str]
    module: str


def find_component(name: str, plugins: Plugins) -> Component:
    """Return the component of a name, or of `KIND.NAME`.

    Raises:
        UnknownComponentError: there is none, with the nearest name; there are several, with the kinds of all.
    """
    components = list(plugins.catalogue)
    named = [each for each in components if name in (each.name, f"{each.kind.name}.{each.name}")]
    if len(named) == 1:
        return named[0]
    if named:
        known = " or ".join(f"{each.kind.name}.{each.name}" for each in named)
        raise UnknownComponentError(f"{len(named)} components are called {name!r}", hint=f"say which one: {known}")
    kind, _, rest = name.partition(".")
    near = [each.name for each in components if kind not in KINDS or each.kind.name == kind]
    hint = suggest(rest if kind in KINDS else name, list(dict.fromkeys(near)), noun="components")
    lost = "".join(f"; the plugin {row.name!r} could not be loaded: {row.error}" for row in plugins.rows if row.error)
    raise UnknownComponentError(f"there is no component {name!r}", hint=f"{hint}{lost}")


def component_page(component: Component, plugins: Plugins) -> ComponentPage:
    """Describe a component, with the first example of its plugin that can be shown."""
    example, arriving, leaving = "", {}, {}
    for candidate in _examples(component, plugins):
        text = candidate.text.replace(FOLDER, "data")
        try:
            spec = component_of(text, component.kind.name, plugins.catalogue)
            arriving, leaving = _in_words(candidate.inputs), _in_words(_leaving(spec, component.kind.name, candidate.inputs))
        except Exception:  # it needs files, or its plugin makes a mistake: it is shown without shapes if no other is better
            example = example or in_context(component, text, candidate.inputs)
            continue
        example = in_context(component, text, candidate.inputs, spec)
        break
    return ComponentPage(
        name=component.name,
        kind=component.kind.name,
        plugin=component.owner,
        doc=inspect.cleandoc(component.spec.__doc__ or ""),
        arguments=component.declaration.arguments,
        options=tuple(option_rows(component.spec)),
        example=example,
        arriving=arriving,
        leaving=leaving,
        module=component.spec.__module__,
    )


def _examples(component: Component, plugins: Plugins) -> list[Example]:
    """List a component's examples from its own plugin; none where that fails."""
    listed = getattr(plugins.manager.get_plugin(component.owner), "antifaz_examples", list)
    try:
        examples = list(listed())
        named = [(_name(example), example) for example in examples if example.kind == component.kind.name]
    except Exception:
        return []
    return [example for name, example in named if name == component.name]


def _name(example: Example) -> str:
    """Return the name of the component that an example's text names."""
    data = yaml.safe_load(example.text)
    return str(data["use"] if isinstance(data, dict) else data)


def _leaving(spec: Any, kind: str, inputs: Any) -> Any:
    """Return the values that an example makes, as far as its spec can say it."""
    if KINDS[kind].accepts is not None:
        return spec.outputs(inputs)
    if kind == "dataset":
        return spec.shapes()
    if kind == "decoder":
        return {f"a clip of {SECONDS:g} s": spec.shape(SECONDS)}
    if kind == "batch_transform":
        return {**inputs, **spec.shapes(inputs)}
    return {}


def _in_words(values: Any) -> dict[str, str]:
    if isinstance(values, Stream | Shape):
        return {"": value_in_words(values)}
    words: dict[str, str] = {}
    for name, value in values.items():
        inner = {name: value} if isinstance(value, Stream | Shape) else {f"{name}.{key}": each for key, each in value.items()}
        words |= {key: value_in_words(each) for key, each in inner.items()}
    return words


def value_in_words(value: Stream | Shape) -> str:
    """Put a stream or a tensor into words: sizes without the batch axis."""
    if isinstance(value, Shape):
        classes = f", one of {len(value.classes)} classes" if value.classes and value.dtype == "int64" else ""
        integers = f", below {value.vocab_size}" if value.vocab_size is not None else ""
        return f"{value.dtype} {_sizes(value.dims)}{classes}{integers}"
    lead = f"{_sizes(value.lead)} x " if value.lead else ""
    grid = f" on the grid {_sizes(value.grid)}" if len(value.grid) > 1 else ""
    kind = " latent" if value.latent else ""
    dropped = ", some of which are dropped in training" if value.partial else ""
    return f"{lead}{value.tokens}{kind} token{'s' if value.tokens != 1 else ''} of width {value.width}{grid}{dropped}"


def _sizes(dims: tuple[int, ...]) -> str:
    return f"({', '.join(map(str, dims))})" if dims else "scalar"


def in_context(component: Component, text: str, inputs: Group | Mapping[str, Group], spec: Any = None) -> str:
    """Write an example's component where it would stand in a config; values that arrive are called as in the example."""
    data = yaml.safe_load(text)
    kind, name = KINDS[component.kind.name], component.name
    options = data if isinstance(data, dict) else {"use": data}
    if kind.accepts is not None:
        names = [f"batch.{each}" if kind.accepts == "one tensor" else each for each in inputs]
        wires = {} if kind.accepts == "nothing" else {"in": names[0] if len(names) == 1 else names}
        return as_config({"graph": {name: {"use": options["use"], **wires, **options}}})
    train = {"task": "train"}
    if kind.name in ("objective", "metric"):
        entry = {name: {"use": options["use"], "in": list(component.declaration.arguments), **options}}
        stage: dict[str, Any] = {"train": {**train, "objectives": entry}, "evaluate": {"task": "evaluate", "metrics": entry}}
        task = "train" if kind.name == "objective" else "evaluate"
        return as_config({"stages": {task: stage[task]}})
    if kind.name == "weights":
        part = next(iter(getattr(spec, "parts", ())), "PART")
        return as_config({"stages": {"train": {**train, "init": {part: {**options, "part": part}}}}})
    places: dict[str, dict[str, Any]] = {
        "mask": {"graph": {"encoder": {"use": "vit", "in": list(inputs), "mask": data, "depth": 4, "heads": 2}}},
        "optimizer": {"stages": {"train": {**train, "optimizer": data}}},
        "schedule": {"stages": {"train": {**train, "schedule": data}}},
        "callback": {"stages": {"train": {**train, "callbacks": [data]}}},
        "logger": {"loggers": [data]},
        "dataset": {"data": {"train": options}},
        "decoder": {"data": {"train": {"modalities": {name: data}}}},
        "transform": {"data": {"train": {"modalities": {next(iter(inputs), name): {"augment": data}}}}},
        "batch_transform": {"data": {"train": {"transforms": [data]}}},
    }
    if kind.name == "transform" and getattr(component.spec, "domain", None) not in DOMAINS:
        return "# where a data set takes transforms\n" + as_config({"data": {"train": {"augment": data}}})
    return as_config(places.get(kind.name, {kind.name: data}))


def as_config(data: Mapping[str, Any], indent: str = "") -> str:
    """Write a piece of a config as a person would: what fits on a line stands in braces, below the sections."""
    lines = []
    for key, value in data.items():
        line = f"{indent}{key}: {as_yaml(value)}\n"
        block = isinstance(value, dict) and value and (not indent or len(line) > WIDTH)
        lines.append(f"{indent}{key}:\n{as_config(value, f'{indent}  ')}" if block else line)
    return "".join(lines)
