"""The promises, and the modules that have cases for them."""

from collections.abc import Iterator
from importlib import import_module

from tests.faults.report import Tried

PROMISES = {
    "P1": "No action on missing, stale or too small data",
    "P2": "At most one action per endpoint, at most one effect per step, killed at any instant",
    "P3": "A lost reply never doubles a training or a deploy",
    "P4": "Two daemons are as safe as one",
    "P5": "If many endpoints fail together we page and stand still",
    "P6": "Never back to a version known bad, no ping-pong",
    "P7": "A change has succeeded only after it was measured healthy",
    "P8": "Your manual deploy wins",
    "P9": "The kill switch works when everything else is broken",
    "P10": "What you approved is what runs, or nothing runs",
    "P11": "Observe is exact",
    "P12": "Notifications are not lost, and not repeated by a restart",
    "P13": "A jumping clock fires nothing and hides nothing",
    "P14": "Nothing is stuck silently",
    "P15": "A bad configuration never replaces a good one",
    "P16": "Archiving is bounded and can be undone",
    "P17": "Every decision can be explained",
    "P18": "An upgrade keeps the state",
}
MODULES = (
    "tests.faults.kills",
    "tests.faults.lost",
    "tests.faults.two",
    "tests.faults.hands",
    "tests.faults.switch",
    "tests.faults.told",
    "tests.faults.reloads",
    "tests.faults.broken",
    "tests.faults.known",
    "tests.machine.faults",
)
"""Each has a function `cases()` that returns Case, Family and Tests."""


def all_cases() -> Iterator[Tried]:
    """Return everything that is tried, from every module that is there."""
    for name in MODULES:
        try:
            module = import_module(name)
        except ModuleNotFoundError as error:
            if error.name not in (name, name.rpartition(".")[0]):
                raise
            continue
        yield from module.cases()
