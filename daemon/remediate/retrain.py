"""Retrain: start the job once, follow its run to the end, find the version that it registered."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from daemon.config.endpoint import EndpointSettings
from daemon.domain.registry import ModelVersion, RunState
from daemon.domain.remediation import Remediation, Step
from daemon.ports import Jobs, Registry
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
) -> Sequence[Act]:
    """Return the plan: run, training, challenger."""

    def base() -> Mapping[str, object]:
        return {"job_id": settings.retrain.job_id or 0}

    def start(step: Step) -> Mapping[str, object]:
        job_id = int(str(step.expected["job_id"]))
        return {"run_id": jobs.start(job_id, parameters(remediation), token=step.token)}

    def started(step: Step) -> Seen:
        # Without a run id it is not known whether the call got through. Calling again with the same token is the probe.
        return Seen(Outcome.DONE, f"run {step.result['run_id']}") if "run_id" in step.result else Seen(Outcome.READY)

    def training(step: Step) -> Seen:
        run = jobs.run(int(str(done["run"].result["run_id"])))
        if not run.state.ended:
            return Seen(Outcome.WAIT, f"run {run.run_id} is {run.state}")
        if run.state is RunState.SUCCEEDED:
            return Seen(Outcome.DONE, f"run {run.run_id} succeeded")
        ended = Outcome.CANCELLED if run.state is RunState.CANCELLED else Outcome.FAILED
        return Seen(ended, f"run {run.run_id} {run.state}: {run.message or 'no message'}")

    def challenger(step: Step) -> Seen:
        began = done["run"].started_at or remediation.created_at
        version = registered(registry.versions(remediation.model), remediation, since=began)
        if version is not None:
            return Seen(Outcome.DONE, f"version {version} was registered", {"version": version})
        return Seen(Outcome.WAIT, "the run succeeded, but has registered no version that is surely its own")

    return (
        Act("run", started, start, base),
        Act("training", training),
        Act("challenger", challenger, within=REGISTERS_WITHIN),
    )


def parameters(remediation: Remediation) -> dict[str, str]:
    """Return the job parameters: what the author of a training job can rely on."""
    return {
        "endpoint": remediation.endpoint,
        "model": remediation.model,
        "reason": remediation.reason,
        "remediation": remediation.id,
        "champion_version": str(remediation.from_version or ""),
        "window_start": str(remediation.evidence.get("since") or remediation.created_at.isoformat()),
        "window_end": remediation.created_at.isoformat(),
    }


def registered(versions: Sequence[ModelVersion], remediation: Remediation, *, since: datetime) -> int | None:
    """Return the version that a retraining registered: the one tagged so, else the only new one since. Pure.

    A version tagged by another retraining is not ours, and one that is not ready yet is waited for.
    """
    ours = [v for v in versions if v.tags.get(TAG) == remediation.id]
    if not ours:
        champion = remediation.from_version or 0
        ours = [v for v in versions if v.created_at >= since and v.version > champion and TAG not in v.tags]
        if len(ours) != 1:
            return None
    return max((v.version for v in ours if v.ready), default=None)
