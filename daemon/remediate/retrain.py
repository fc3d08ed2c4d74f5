"""Retrain: start the job once, follow its run to the end, find the version that it registered."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from daemon.config.endpoint import EndpointSettings
from daemon.domain.finding import CAUSES, Cause, Statistic
from daemon.domain.registry import ModelVersion, RunState
from daemon.domain.remediation import Remediation, Step
from daemon.ports import Jobs, PlatformError, Registry
from daemon.remediate.journal import Act, Outcome, Seen

TAG = "mlsteward.remediation"
"""A training job that sets this tag to the parameter `remediation` says for certain which version is its own."""
REGISTERS_WITHIN = timedelta(minutes=10)


def acts(
    remediation: Remediation,
    settings: EndpointSettings,
    jobs: Jobs,
    registry: Registry,
    *,
    done: Mapping[str, Step],
    now: datetime,
) -> Sequence[Act]:
    """Return the plan: run, training, challenger."""

    def base() -> Mapping[str, object]:
        return {"job_id": settings.retrain.job_id or 0}

    def start(step: Step) -> Mapping[str, object]:
        job_id = int(str(step.expected["job_id"]))
        return {"run_id": jobs.start(job_id, parameters(remediation, settings), token=step.token)}

    def started(step: Step) -> Seen:
        # Without a run id it is not known whether the call got through. Calling again with the same token is the probe.
        return Seen(Outcome.DONE, f"run {step.result['run_id']}") if "run_id" in step.result else Seen(Outcome.READY)

    def training(step: Step) -> Seen:
        run_id, patience = int(str(done["run"].result["run_id"])), settings.retrain.timeout
        late = now - (done["run"].started_at or remediation.created_at) > patience
        return _follow(jobs, run_id, late=f"run {run_id} has not ended within {patience}" if late else "")

    def challenger(step: Step) -> Seen:
        began = done["run"].started_at or remediation.created_at
        found = registered(registry.versions(remediation.model), remediation, since=began)
        if found.version is not None:
            return Seen(Outcome.DONE, found.words, {"version": found.version})
        return Seen(Outcome.WAIT, f"the run succeeded, but {found.words}")

    return (
        Act("run", started, start, base),
        Act("training", training),
        Act("challenger", challenger, within=REGISTERS_WITHIN),
    )


def parameters(remediation: Remediation, settings: EndpointSettings) -> dict[str, str]:
    """Return the job parameters: what the author of a training job can rely on. All are strings, none is missing."""
    worst = _worst(remediation)
    finding = f"{remediation.endpoint}:{worst['version']}:{worst['check']}" if worst else ""
    return {
        "endpoint": remediation.endpoint,
        "model": remediation.model,
        "reason": remediation.reason,
        "remediation": remediation.id,
        "finding": finding,
        "champion_version": str(remediation.from_version or ""),
        "baseline": _compared_with(worst, settings),
        "window_start": str(remediation.evidence.get("since") or remediation.created_at.isoformat()),
        "window_end": remediation.created_at.isoformat(),
    }


def _worst(remediation: Remediation) -> Mapping[str, object]:
    """Return the worst finding that led to it, as it was then; nothing where none did."""
    written = remediation.evidence.get("findings")
    first = written[0] if isinstance(written, list) and written else {}
    return first if isinstance(first, Mapping) and {"version", "check"} <= first.keys() else {}


def _compared_with(worst: Mapping[str, object], settings: EndpointSettings) -> str:
    """Say what the finding was compared with: the kind of the baseline, or the address of one that is configured."""
    statistic = str(worst.get("check", "")).rpartition("/")[2]
    if statistic in CAUSES and CAUSES[Statistic(statistic)] is Cause.CONCEPT:
        return settings.labels.baseline
    return settings.baseline.path or settings.baseline.kind


@dataclass(frozen=True, slots=True)
class Registered:
    """The version that is surely a run's own, or why there is none."""

    version: int | None
    words: str


def registered(versions: Sequence[ModelVersion], remediation: Remediation, *, since: datetime) -> Registered:
    """Find the version that a retraining registered. Pure.

    1. The newest one tagged so: a job that tries again by itself may have left others.
    2. Without a tag, the only new one since. Of several, any choice would be a guess.

    A version tagged by another retraining is not ours, and one that is not ready yet is waited for.
    """
    ours = [v for v in versions if v.tags.get(TAG) == remediation.id]
    if not ours:
        champion = remediation.from_version or 0
        ours = [v for v in versions if v.created_at >= since and v.version > champion and TAG not in v.tags]
        if len(ours) > 1:
            among = ", ".join(str(v) for v in sorted(v.version for v in ours))
            return Registered(None, f"versions {among} may each be its own: let the job tag its version {TAG}")
    if not ours:
        return Registered(None, "it has registered no version that is surely its own")
    newest = max(ours, key=lambda v: v.version)
    if not newest.ready:
        return Registered(None, f"version {newest.version}, which it registered, is not ready")
    return Registered(newest.version, f"version {newest.version} was registered")


def _follow(jobs: Jobs, run_id: int, *, late: str) -> Seen:
    """Look at a run. One that is late has failed, whatever becomes of it: that it may go on is said."""
    try:
        run = jobs.run(run_id)
    except PlatformError as error:
        if late and not error.permanent:
            return Seen(Outcome.FAILED, f"{late}, and it cannot be seen whether it still goes on: {error}")
        raise
    if run.state is RunState.SUCCEEDED:
        return Seen(Outcome.DONE, f"run {run_id} succeeded")
    if run.state.ended:
        # a person who cancels it has answered; that is no failure of the job
        ended = Outcome.CANCELLED if run.state is RunState.CANCELLED else Outcome.FAILED
        return Seen(ended, f"run {run_id} {run.state}: {run.message or 'no message'}")
    if late:
        goes_on = "still goes on" if run.state is not RunState.UNKNOWN else "may still go on"
        return Seen(Outcome.FAILED, f"{late}: it is {run.state} and {goes_on}; what it registers is promoted by nobody")
    return Seen(Outcome.WAIT, f"run {run_id} is {run.state}")
