"""Two acts that several remedies share: set an endpoint's traffic, point an alias.

Neither call has a compare-and-set in Databricks, so each looks first, acts once, and looks again.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from daemon.domain.remediation import Step
from daemon.domain.serving import EndpointState, Update, traffic, with_traffic
from daemon.ports import PlatformError, Registry, Serving
from daemon.remediate.journal import Act, Outcome, Seen, called_at

SETTLE = timedelta(seconds=30)
"""Databricks may still show the old state for a moment after it took an update."""

Percents = Mapping[int, int]


def set_traffic(
    name: str, serving: Serving, endpoint: str, model: str, *, was: Sequence[Percents], wanted: Percents, now: datetime
) -> Act:
    """Return the act that makes `wanted` serve, provided that one of `was` serves before."""

    def base() -> Mapping[str, object]:
        state = serving.state(endpoint)
        return {"config_version": state.config_version, "traffic": _keys(traffic(state.served))}

    def do(step: Step) -> Mapping[str, object]:
        state = serving.state(endpoint)
        try:
            served = with_traffic(state.served, model, wanted)
        except ValueError as error:
            raise PlatformError(str(error), permanent=True) from error
        serving.update(endpoint, served)
        return {"from_config_version": state.config_version}

    def look(step: Step) -> Seen:
        return judge(serving.state(endpoint), step, was=was, wanted=wanted, now=now)

    return Act(name, look, do, base)


def judge(state: EndpointState, step: Step, *, was: Sequence[Percents], wanted: Percents, now: datetime) -> Seen:
    """Tell where an endpoint stands between what it served and what it shall serve. Pure."""
    serves = {e.version: e.percent for e in state.served}
    pending = {e.version: e.percent for e in state.pending or ()}
    if state.update is Update.UNKNOWN:
        return Seen(Outcome.WAIT, "Databricks reports a state that is not known")
    if state.update is Update.IN_PROGRESS:
        if pending == dict(wanted):
            return Seen(Outcome.WAIT, "the update is under way")
        return Seen(Outcome.FOREIGN, f"somebody is deploying {_words(pending)}")
    if serves == dict(wanted) and all(e.ready for e in state.served):
        return Seen(Outcome.DONE, f"serves {_words(serves)}", {"config_version": state.config_version})
    if state.update is Update.FAILED and step.calls and pending == dict(wanted):
        return Seen(
            Outcome.FAILED, f"Databricks could not deploy {_words(wanted)}; it goes on serving {_words(serves)}"
        )
    unmoved = state.config_version == step.expected.get("config_version")
    if unmoved and _served(serves) in [_served(w) for w in was]:
        asked = called_at(step)
        if asked is not None and now - asked < SETTLE:
            return Seen(Outcome.WAIT, "asked for, not visible yet")
        return Seen(Outcome.READY)
    return Seen(Outcome.FOREIGN, f"it serves {_words(serves)}, where {' or '.join(map(_words, was))} was expected")


def point_alias(name: str, registry: Registry, model: str, alias: str, *, wanted: int) -> Act:
    """Return the act that points a registry alias at a version."""

    def base() -> Mapping[str, object]:
        return {"version": registry.alias(model, alias)}

    def do(step: Step) -> Mapping[str, object]:
        registry.set_alias(model, alias, wanted)
        return {"alias": alias}

    def look(step: Step) -> Seen:
        points = registry.alias(model, alias)
        if points == wanted:
            return Seen(Outcome.DONE, f"{alias} is version {wanted}")
        if points == step.expected.get("version"):
            return Seen(Outcome.READY)
        return Seen(Outcome.FOREIGN, f"somebody pointed {alias} at version {points}")

    return Act(name, look, do, base)


def _served(percents: Percents) -> dict[int, int]:
    return {v: p for v, p in percents.items() if p}


def _keys(percents: Percents) -> dict[str, int]:
    return {str(v): p for v, p in percents.items()}


def _words(percents: Percents) -> str:
    return ", ".join(f"version {v} at {p} %" for v, p in sorted(percents.items())) or "nothing"
