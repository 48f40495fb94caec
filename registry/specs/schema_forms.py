"""The pieces of a JSON Schema, and how they join into a choice whose mistakes are told at the right place.

`anyOf` tells only that nothing fitted. Keywords of JSON Schema speak of one type each, so alternatives of different types are
written side by side in one schema instead, or chosen by type; `anyOf` is left for alternatives of the same type.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import attrs

Json = dict[str, Any]

ENVIRONMENT_PATTERN = r"\$\{env:[A-Za-z_][A-Za-z0-9_]*(:-[^}]*)?\}"
ENVIRONMENT: Json = {
    "description": "`${env:NAME}` or `${env:NAME:-default}`: filled in from the environment",
    "type": "string",
    "pattern": ENVIRONMENT_PATTERN,
}
SCALARS = ("string", "integer", "number", "boolean", "null")


@attrs.frozen
class Form:
    """A schema together with the JSON types that it is about.

    schema: without its `type`. values: what alone is accepted of scalars that `types` does not list. deleted: whether `!delete`
    may stand here, which an editor sees as an empty text or null. substituted: whether `${env:NAME}` may.
    """

    types: tuple[str, ...]
    schema: Json = attrs.field(factory=dict)
    values: tuple[Any, ...] = ()
    deleted: bool = False
    substituted: bool = False

    def json(self, words: str | None = None) -> Json:
        """Write the schema. words: what is accepted, for an editor's message."""
        if "$ref" in self.schema:
            return self.schema
        form = {**_text(self, words), **self.schema}
        if not self.values:
            return form
        named: Json = {"enum": list(self.values)}
        return {"anyOf": [named, form]} if form else named


DELETED = Form((), deleted=True)
"""`!delete`."""


def anything() -> Form:
    return Form(("object", "array", *SCALARS))


def scalar(type_: str, limits: Json) -> Form:
    return Form((type_,), limits, substituted=type_ != "string")


def choices(values: Sequence[Any]) -> Form:
    return Form((), values=tuple(values), substituted=True)


def array(items: Json | list[Json]) -> Form:
    """Make the form of a list of one kind of item, or of exactly these items."""
    if isinstance(items, dict):
        return Form(("array",), {"items": items})
    length = {"minItems": len(items), "maxItems": len(items)}
    alike = all(item == items[0] for item in items)
    return Form(("array",), {"items": items[0], **length} if alike and items else {"prefixItems": items, **length})


def record(doc: str, properties: Json, required: Sequence[str], others: Json | bool) -> Json:
    """Write the schema of a mapping of known keys. others: what any other key may hold, False to refuse it."""
    schema: Json = {"description": doc} if doc else {}
    schema |= {"type": "object", "properties": properties}
    return {**schema, **({"required": list(required)} if required else {}), "additionalProperties": others}


def one_of(forms: Sequence[Form]) -> Form:
    """Join alternatives into the form of what fits any of them."""
    forms = [form for form in forms if form != Form(())]
    if any(set(form.types) >= {"object", "array", *SCALARS} for form in forms):
        return anything()
    if len(forms) == 1:
        return forms[0]
    types = tuple(dict.fromkeys(name for form in forms for name in form.types))
    joined = Form(
        types,
        values=tuple(dict.fromkeys(value for form in forms for value in form.values)),
        deleted=any(form.deleted for form in forms),
        substituted=any(form.substituted for form in forms),
    )
    overlap = sum(len(form.types) for form in forms) > len(types)
    if overlap or any(form.schema and not form.types for form in forms):
        return Form((), {"anyOf": [form.json() for form in forms]})
    with_schema = [form for form in forms if form.schema]
    if not any(_is_choice(form) for form in with_schema):
        keywords = [key for form in with_schema for key in form.schema]
        if len(keywords) == len(set(keywords)):
            return attrs.evolve(joined, schema={k: v for form in with_schema for k, v in form.schema.items()})
    cases = [{"if": {"type": list(form.types)}, "then": form.schema} for form in with_schema]
    return attrs.evolve(joined, schema={"allOf": cases})


def _is_choice(form: Form) -> bool:
    """Test if the schema is a choice of its own, which cannot stand beside keywords of other types."""
    return not {"$ref", "anyOf", "allOf", "description"}.isdisjoint(form.schema)


def _text(form: Form, words: str | None) -> Json:
    """`type`, and which texts are accepted where not all are."""
    if not form.types and not form.deleted and not form.substituted:
        return {}
    if set(form.types) >= {"object", "array", *SCALARS}:
        return {}
    names = list(form.types)
    if form.deleted and "null" not in names:
        names.append("null")
    patterns = [*(["^$"] if form.deleted else []), *([ENVIRONMENT_PATTERN] if form.substituted else [])]
    if "string" in names or not patterns:
        return {"type": names[0] if len(names) == 1 else names}
    error_message = {} if words is None else {"patternErrorMessage": f"this must be {words} (or ${{env:NAME}})"}
    return {"type": [*names, "string"], "pattern": "|".join(patterns), **error_message}


def json_text(value: Any, indent: str = "", width: int = 130, key: str = "") -> str:
    """Write JSON for people and for version control: what fits on a line stands on one. key: what stands before it there."""
    before = f"{json.dumps(key, ensure_ascii=False)}: " if key else ""
    line = before + json.dumps(value, ensure_ascii=False)
    if len(indent) + len(line) < width or not isinstance(value, dict | list) or not value:
        return indent + line
    inner = f"{indent} "
    if isinstance(value, list):
        start, items, end = "[", [json_text(item, inner, width) for item in value], "]"
    else:
        start, items, end = "{", [json_text(item, inner, width, name) for name, item in value.items()], "}"
    return f"{indent}{before}{start}\n" + ",\n".join(items) + f"\n{indent}{end}"
