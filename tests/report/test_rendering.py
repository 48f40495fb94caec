"""Values as text, and data URIs."""

from __future__ import annotations

from antifaz.report.rendering import data_uri, flat, shown, template


def test_trees_are_flattened_to_dotted_keys() -> None:
    assert flat({"a": {"b": 1, "c": {"d": None}}, "e": [True, {}]}) == {"a.b": "1", "a.c.d": "null", "e": "[true, {}]"}
    assert shown("text") == "text"


def test_content_is_written_into_the_address() -> None:
    assert data_uri("text/plain", b"abc") == "data:text/plain;base64,YWJj"


def test_templates_escape_what_is_put_into_them() -> None:
    environment = template("base.html").environment
    assert environment.from_string("{{ value }}").render(value="<b>") == "&lt;b&gt;"
    assert environment.filters["number"](0.5) == "0.5"
