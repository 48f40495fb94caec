"""Maps the fixed top level of the checkout into the import package `antifaz` (setuptools' package-dir)."""

from setuptools import find_packages, setup

PARTS = ("core", "registry", "plugins", "configs")

setup(
    package_dir={f"antifaz.{part}": part for part in PARTS},
    packages=[f"antifaz.{name}" for part in PARTS for name in [part, *(f"{part}.{sub}" for sub in find_packages(part))]],
    package_data={"": ["*.yaml", "*.tmpl", "schema.json", "templates/*", "README.md", "py.typed"]},
)
