"""The public names of the package."""

from __future__ import annotations

import importlib
import pkgutil

import universality


def test_every_public_name_is_there() -> None:
    for name in universality.__all__:
        assert getattr(universality, name) is not None


def test_figures_come_with_the_package() -> None:
    assert callable(universality.figures.share_against_threshold)
    assert "figures" in dir(universality)


def test_no_module_has_the_name_of_a_public_one() -> None:
    # Importing such a module would put it in the place of the function.
    modules = {module.name for module in pkgutil.iter_modules(universality.__path__)}
    assert modules.isdisjoint(universality.__all__)
    importlib.import_module("universality.publishing")
    assert callable(universality.publish)
