import doctest
import importlib
import inspect
import pkgutil
from types import ModuleType

import pytest

import detectors

MODULES = [importlib.import_module(f"detectors.{found.name}") for found in pkgutil.iter_modules(detectors.__path__)]


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.__name__)
def test_every_example_runs_as_it_is_written(module: ModuleType) -> None:
    assert doctest.testmod(module).failed == 0


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.__name__)
def test_every_public_function_has_an_example(module: ModuleType) -> None:
    without = [name for name, documented in public(module).items() if ">>>" not in (documented.__doc__ or "")]
    assert without == []


def public(module: ModuleType) -> dict[str, object]:
    own = {name: thing for name, thing in vars(module).items() if getattr(thing, "__module__", "") == module.__name__}
    methods = {
        f"{name}.{method}": function
        for name, thing in own.items()
        if inspect.isclass(thing)
        for method, function in inspect.getmembers(thing, inspect.isfunction)
    }
    return {name: thing for name, thing in (own | methods).items() if "_" not in (name[0], name.split(".")[-1][0])}
