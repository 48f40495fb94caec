"""Maps the top level of the checkout into the import package `antifaz` (setuptools' package-dir)."""

from setuptools import find_namespace_packages, setup

ROOMS = ("registry", "core", "layers", "data", "engine", "analysis", "report", "testing", "cli", "plugins", "configs")

setup(
    package_dir={"antifaz": "api", **{f"antifaz.{room}": room for room in ROOMS}},
    packages=[
        "antifaz",
        *(f"antifaz.{name}" for room in ROOMS for name in [room, *(f"{room}.{sub}" for sub in find_namespace_packages(room))]),
    ],
    package_data={"": ["*.tmpl", "templates/*", "templates/*/*", "README.md", "py.typed"], "antifaz.configs": ["**/*.yaml"]},
)
