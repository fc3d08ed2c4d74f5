"""What was found in a workspace in, a configuration that observes it out: TOML text that says where each line is from.

Pure. Only what differs from the defaults is written, and never a secret: the place of one at most.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from daemon.config.mlflow import RegistryKind
from daemon.domain.found import FoundEndpoint, FoundJob, FoundWarehouse, Meeting
from daemon.setup.candidates import candidates, lacking
from daemon.setup.endpoint_lines import served
from daemon.setup.seen import Answer
from daemon.setup.watchable import LeftOut, Watchable, look, registry_of

CONTROL = re.compile(r"[\x00-\x1f\x7f]+")
MOST_WAREHOUSES = 10


@dataclass(frozen=True, slots=True)
class Around:
    """What a workspace holds, as far as whoever asks may see."""

    meeting: Meeting
    endpoints: Sequence[FoundEndpoint]
    jobs: Answer[list[FoundJob]]
    warehouses: Answer[list[FoundWarehouse]]


@dataclass(frozen=True, slots=True)
class Choices:
    workspace: Sequence[str]
    """Lines of [workspace]: how the workspace is found, and where the credentials are."""
    tracking: str = ""
    """The MLflow server; empty for the runs of the workspace."""
    reader: Literal["delta", "warehouse"] = "delta"
    warehouse_id: str = ""
    only: frozenset[str] | None = None
    """The endpoints that were chosen; None for all that can be watched."""


@dataclass(frozen=True, slots=True)
class Proposal:
    text: str
    watched: tuple[Watchable, ...]
    left_out: tuple[LeftOut, ...]


def propose(around: Around, choices: Choices, *, now: datetime) -> Proposal:
    registry = registry_of(choices.tracking, around.endpoints)
    looked = [_chosen(look(found, registry), choices.only) for found in around.endpoints]
    watched = tuple(it for it in looked if isinstance(it, Watchable))
    left_out = tuple(it for it in looked if isinstance(it, LeftOut))
    lines = [
        *_head(around, now),
        *_workspace(around, choices),
        *_mlflow(choices, registry),
        *(line for it in watched for line in _endpoint(it, around.jobs, choices)),
        *_left_out(left_out),
    ]
    return Proposal("\n".join(lines) + "\n", watched, left_out)


def _chosen(it: Watchable | LeftOut, only: frozenset[str] | None) -> Watchable | LeftOut:
    if isinstance(it, LeftOut) or only is None or it.found.name in only:
        return it
    return LeftOut(it.found.name, "was not chosen", "run init again to watch it")


def _head(around: Around, now: datetime) -> Iterator[str]:
    who, where = comment(around.meeting.me.name), comment(around.meeting.host)
    yield f"# Proposed by `mlsteward init` on {now:%Y-%m-%d}, from what {who} sees at {where}."
    yield "# Only what differs from the defaults stands here: the release's config.toml has every setting."
    yield '# Every remedy is on "observe": it decides and tells, and touches nothing. Next: `mlsteward doctor`.'
    yield ""


def _workspace(around: Around, choices: Choices) -> Iterator[str]:
    yield "[workspace]"
    yield from choices.workspace
    found = around.warehouses.value or []
    chosen = next((w for w in found if w.id == choices.warehouse_id), None)
    if choices.reader == "warehouse":
        yield f"warehouse_id = {quoted(choices.warehouse_id)}" + (f"  # {_about(chosen)}" if chosen else "")
        yield "# Tells which version answered when several serve; needs SELECT on it, which an account admin grants."
        yield '# served_entities_table = "system.serving.served_entities"'
    elif found:
        yield '# A SQL warehouse that could read the tables, with `reader = "warehouse"` at each endpoint:'
        for warehouse in found[:MOST_WAREHOUSES]:
            yield f"# warehouse_id = {quoted(warehouse.id)}  # {_about(warehouse)}"
    elif around.warehouses.why:
        yield f"# SQL warehouses: {comment(around.warehouses.why)}"
    yield ""


def _about(warehouse: FoundWarehouse) -> str:
    return comment(f"{warehouse.name}: {warehouse.state}{', serverless' if warehouse.serverless else ''}")


def _mlflow(choices: Choices, registry: RegistryKind) -> Iterator[str]:
    yield "[mlflow]"
    if choices.tracking:
        yield f"tracking_uri = {quoted(choices.tracking)}"
    else:
        yield 'tracking_uri = "databricks"'
    if registry is RegistryKind.WORKSPACE:
        yield 'registry_uri = "databricks"'
    yield f"# registered models: {registry}"
    yield ""


def _endpoint(it: Watchable, jobs: Answer[list[FoundJob]], choices: Choices) -> Iterator[str]:
    found = it.found
    yield "[[endpoints]]"
    yield f"# serves {comment(served(found) or it.model)}, created by {comment(found.creator or 'nobody it tells')}"
    yield f"# {it.log.kind} logs it to this table" + ("; requesters are not logged" if found.route_optimized else "")
    yield f"name = {quoted(found.name)}"
    yield f"table = {quoted(it.table)}"
    if choices.reader == "warehouse":
        yield 'reader = "warehouse"'
    yield f"model = {quoted(it.model)}"
    yield from _jobs(it, jobs)
    yield ""


def _jobs(it: Watchable, jobs: Answer[list[FoundJob]]) -> Iterator[str]:
    if jobs.value is None:
        yield f"# retrain.job_id: {comment(jobs.why)}"
        return
    likely = candidates(jobs.value, it.found.name, it.model)
    if not likely:
        yield "# retrain.job_id: no job seems to train it; without one, retrain stays off"
        return
    yield "# The job that trains it, if it is one of these; without one, retrain stays off:"
    for candidate in likely:
        lacks = lacking(candidate.job)
        rest = f"; declare {', '.join(lacks)} on it" if lacks else ""
        yield f"# retrain.job_id = {candidate.job.id}  # {comment(candidate.job.name)}: {comment(candidate.why)}{rest}"


def _left_out(left_out: Sequence[LeftOut]) -> Iterator[str]:
    if not left_out:
        return
    yield "# Left out:"
    for one in left_out:
        yield f"# - {comment(one.name)}: {comment(one.why)}"
        if one.todo:
            yield f"#   {comment(one.todo)}"


def quoted(text: str) -> str:
    """Write a TOML string."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + CONTROL.sub(lambda found: "".join(f"\\u{ord(c):04x}" for c in found.group()), escaped) + '"'


def comment(text: str) -> str:
    """Write a name of somebody else's so that it cannot end the comment it stands in."""
    return CONTROL.sub(" ", text)
