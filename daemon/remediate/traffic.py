"""The act that sets an endpoint's traffic.

Databricks has no compare-and-set for it, so it looks first, acts once, and looks again.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from daemon.domain.remediation import Step
from daemon.domain.serving import EndpointState, ServedEntity, Update, traffic, with_traffic
from daemon.ports import PlatformError, Serving
from daemon.remediate.journal import Act, Outcome, Seen, called_at

SETTLE = timedelta(seconds=30)
"""Databricks may still show the old state for a moment after it took an update."""

Percents = Mapping[int, int]


def set_traffic(
    name: str,
    serving: Serving,
    endpoint: str,
    model: str,
    *,
    was: Sequence[Percents],
    wanted: Percents,
    now: datetime,
    config_version: int | None = None,
    pinned: bool = True,
    within: timedelta | None = None,
) -> Act:
    """Return the act that makes `wanted` serve, provided that one of `was` serves before.

    What somebody else keeps ready at 0 % stays so. `config_version` is the deployment that the plan knows of: any
    other one was made by somebody else, between the plan and this step.
    """

    def base() -> Mapping[str, object]:
        state = serving.state(endpoint)
        return {"config_version": config_version or state.config_version, "traffic": _keys(traffic(state.served))}

    def judged(state: EndpointState, step: Step) -> Seen:
        return judge(state, step, was=was, wanted=wanted, now=now, pinned=pinned)

    def do(step: Step) -> Mapping[str, object]:
        state = serving.state(endpoint)
        if judged(state, step).outcome is not Outcome.READY:
            raise PlatformError(f"{endpoint} was changed a moment ago", permanent=False)
        try:
            kept = {e.version: 0 for e in state.served if not e.percent and e.version not in _own(wanted, was)}
            served = with_traffic(state.served, model, {**kept, **wanted})
        except ValueError as error:
            raise PlatformError(str(error), permanent=True) from error
        serving.update(endpoint, served)
        return {"from_config_version": state.config_version}

    return Act(name, lambda step: judged(serving.state(endpoint), step), do, base, within)


def judge(
    state: EndpointState, step: Step, *, was: Sequence[Percents], wanted: Percents, now: datetime, pinned: bool = True
) -> Seen:
    """Tell where an endpoint stands between what it served and what it shall serve. Pure.

    1. What is on its way is ours (wanted, or a stage before it), or somebody else's.
    2. It serves what is wanted: done, as soon as all of it is ready.
    3. What we asked for could not be deployed: failed.
    4. It serves what it served, in the configuration that the intent saw (`pinned`): the act may go, unless a call is
       so young that it may not show yet.
    5. Anything else was somebody else.
    """
    own = _own(wanted, was)
    serves, pending = _percents(state.served, own), _percents(state.pending or (), own)
    asked = called_at(step)
    young = asked is not None and now - asked < SETTLE
    if state.update is Update.UNKNOWN:
        return Seen(Outcome.WAIT, "Databricks reports a state that is not known")
    if state.update is Update.IN_PROGRESS:
        if pending in [dict(ours) for ours in (wanted, *was)]:
            return Seen(Outcome.WAIT, f"an update is under way: {_words(pending)}")
        return Seen(Outcome.FOREIGN, f"somebody is deploying {_words(pending)}")
    if serves == dict(wanted):
        if not all(e.ready for e in state.served if e.version in own):
            return Seen(Outcome.WAIT, f"serves {_words(serves)}, but not all of it is ready")
        return Seen(Outcome.DONE, f"serves {_words(serves)}", {"config_version": state.config_version})
    if state.update is Update.FAILED and asked and not young and pending == dict(wanted):
        why = f"Databricks could not deploy {_words(wanted)}; it goes on serving {_words(serves)}"
        return Seen(Outcome.FAILED, why)
    if _served(serves) not in [_served(w) for w in was]:
        return Seen(Outcome.FOREIGN, f"it serves {_words(serves)}, where {' or '.join(map(_words, was))} was expected")
    if pinned and state.config_version != step.expected.get("config_version"):
        return Seen(Outcome.FOREIGN, f"somebody deployed {_words(serves)} anew")
    return Seen(Outcome.WAIT, "asked for, not visible yet") if young else Seen(Outcome.READY)


def while_serving(
    act: Act, serving: Serving, endpoint: str, wanted: Percents, config_version: int | None = None
) -> Act:
    """Return the act, given up as soon as somebody else changes what serves."""

    def look(step: Step) -> Seen:
        foreign = changed_by_hand(serving.state(endpoint), wanted, config_version)
        return Seen(Outcome.FOREIGN, foreign) if foreign else act.look(step)

    return replace(act, look=look)


def changed_by_hand(state: EndpointState, wanted: Percents, config_version: int | None) -> str:
    """Say what somebody else made of the traffic that was set; empty where it still serves. Pure.

    `config_version` is what this plan has left behind, None where it does not know.
    """
    serves, pending = traffic(state.served), traffic(state.pending or ())
    if state.update is Update.IN_PROGRESS and pending != _served(wanted):
        return f"somebody is deploying {_words(pending)}"
    if serves != _served(wanted):
        return f"it serves {_words(serves)}, where {_words(wanted)} was expected"
    if config_version is not None and state.config_version != config_version:
        return f"somebody deployed {_words(serves)} anew"
    return ""


def _own(wanted: Percents, was: Sequence[Percents]) -> set[int]:
    return {version for percents in (wanted, *was) for version in percents}


def _percents(served: Collection[ServedEntity], own: Collection[int]) -> dict[int, int]:
    return {e.version: e.percent for e in served if e.percent or e.version in own}


def _served(percents: Percents) -> dict[int, int]:
    return {v: p for v, p in percents.items() if p}


def _keys(percents: Percents) -> dict[str, int]:
    return {str(v): p for v, p in percents.items()}


def _words(percents: Percents) -> str:
    return ", ".join(f"version {v} at {p} %" for v, p in sorted(percents.items())) or "nothing"
