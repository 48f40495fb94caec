"""Typed specs: how they are made from plain data, strictly, and the JSON Schema that says so."""
