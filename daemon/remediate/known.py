"""What a plan knows of the configuration that serves: its own last change of it. Pure."""

from collections.abc import Mapping

from daemon.domain.remediation import Remediation, Step, StepState


def known_config(one: Remediation, steps: Mapping[str, Step]) -> int | None:
    """Return the configuration that this plan has left behind, or was made for; None while a change is on its way."""
    changes = [s for s in steps.values() if "traffic" in s.expected]
    if any(s.state is StepState.INTENT and s.calls for s in changes):
        return None
    done = [s for s in changes if s.state is StepState.DONE and "config_version" in s.result]
    newest = max(done, key=lambda s: s.n, default=None)
    found = newest.result["config_version"] if newest else one.plan.get("config_version")
    return None if found is None else int(str(found))
