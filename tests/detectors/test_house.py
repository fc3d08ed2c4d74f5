import dataclasses
import importlib
import pkgutil
import subprocess
import sys

import pytest

import detectors

NAMES = [f"detectors.{found.name}" for found in pkgutil.iter_modules(detectors.__path__)]
RESULTS = [
    thing
    for name in NAMES
    for thing in vars(importlib.import_module(name)).values()
    if dataclasses.is_dataclass(thing) and isinstance(thing, type) and thing.__module__ == name
]


@pytest.mark.parametrize("result", RESULTS, ids=lambda result: result.__name__)
def test_a_result_is_frozen_and_has_slots(result: type) -> None:
    assert vars(result)["__dataclass_params__"].frozen
    assert "__slots__" in vars(result)


def test_no_detector_imports_what_is_heavy() -> None:
    """scipy.stats alone would add 50 MB to the daemon."""
    heavy = ["scipy.stats", "scipy.optimize", "scipy.spatial", "pandas", "pyarrow", "duckdb"]
    program = f"import {', '.join(NAMES)}, sys; print([name for name in {heavy} if name in sys.modules])"
    out = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    assert out.stdout.strip() == "[]"
