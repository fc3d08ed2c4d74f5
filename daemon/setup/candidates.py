"""Which jobs may retrain what an endpoint serves: jobs in, the likely ones out, each with the reason. Pure."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from daemon.domain.found import FoundJob
from daemon.domain.registry import JOB_PARAMETERS

MOST = 5
WORD = re.compile(r"[^a-z0-9]+")


@dataclass(frozen=True, slots=True)
class Candidate:
    job: FoundJob
    why: str
    rank: int


def candidates(jobs: Sequence[FoundJob], endpoint: str, model: str) -> list[Candidate]:
    """Return at most five, the likeliest first: what a job's parameters say counts more than its name."""
    found = [it for job in jobs if (it := _candidate(job, endpoint, model)) is not None]
    return sorted(found, key=lambda it: (it.rank, it.job.id))[:MOST]


def _candidate(job: FoundJob, endpoint: str, model: str) -> Candidate | None:
    ours = {endpoint: "endpoint", model: "model"}
    for name, value in job.parameters.items():
        if value in ours:
            return Candidate(job, f"its parameter {name} is {value}", 0)
    if any(job.parameters.get(name) for name in ("endpoint", "model")):
        return None  # it trains something else
    names = {_plain(endpoint), _plain(model.rsplit(".", 1)[-1])} - {""}
    text = _plain(job.name)
    if mentioned := sorted(name for name in names if f"_{name}_" in f"_{text}_"):
        return Candidate(job, f"its name has {mentioned[0]}", 1)
    words = {_plain(word) for pair in job.tags.items() for word in pair}
    if tagged := sorted(names & words):
        return Candidate(job, f"it is tagged {tagged[0]}", 2)
    if {"endpoint", "model"} <= set(job.parameters):
        return Candidate(job, "it declares endpoint and model", 3)
    return None


def lacking(job: FoundJob) -> list[str]:
    return [name for name in JOB_PARAMETERS if name not in job.parameters]


def _plain(text: str) -> str:
    """Return a name with whatever stands between its words made alike."""
    return WORD.sub("_", text.lower()).strip("_")
