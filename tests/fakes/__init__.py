"""Doubles of the world's doors, with state, switches to fail, and one ledger of what was done to the world.

They pass the same contract suites as the real adapters (`tests/contracts`).
"""

from tests.fakes.channel import FakeChannel, Sent
from tests.fakes.jobs import FakeJobs, FakeRun
from tests.fakes.labels import FakeLabels, LabelRow
from tests.fakes.ledger import Crash, Effect, Ledger
from tests.fakes.log import FakeInferenceLog, LoggedRequest
from tests.fakes.registry import FakeRegistry
from tests.fakes.serving import FakeServing

__all__ = [
    "Crash",
    "Effect",
    "FakeChannel",
    "FakeInferenceLog",
    "FakeJobs",
    "FakeLabels",
    "FakeRegistry",
    "FakeRun",
    "FakeServing",
    "LabelRow",
    "Ledger",
    "LoggedRequest",
    "Sent",
]
