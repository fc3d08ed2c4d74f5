"""The acts that try a challenger before any traffic is sent to it: smoke requests, and the same ones under load.

They are requests to an endpoint in production, so each is a call like any other: it has a row before it, and whoever
pulls the kill switch or pauses the endpoint stops it.
"""

from collections.abc import Callable, Mapping

from daemon.config.remedies import Promote
from daemon.domain.remediation import Remediation, Step
from daemon.ports import PlatformError, Registry, Serving
from daemon.remediate import load
from daemon.remediate.journal import Act, Outcome, Seen


def smoke(
    one: Remediation, rules: Promote, serving: Serving, registry: Registry, *, champion: int, challenger: int
) -> Act:
    """Return the act that sends the challenger its own input example, and what clients send to the champion."""

    def tried() -> Seen:
        own, theirs = (registry.input_example(one.model, version) for version in (challenger, champion))
        examples = [example for example in (own, theirs if theirs != own else None) if example is not None]
        if not examples:
            return Seen(Outcome.DONE, "the model carries no input example to try")
        entity = _name(serving, one.endpoint, challenger)
        asked = rules.smoke_requests
        found = [load.send(serving, one.endpoint, [entity], each, requests=asked, at_once=1)[0] for each in examples]
        refused, ms = [s for it in found for s in it.refused], [t for it in found for t in it.ms]
        if refused:
            told = f"{len(refused)} of {len(refused) + len(ms)} smoke requests failed ({refused[0]})"
            return Seen(Outcome.FAILED, told)
        return Seen(Outcome.DONE, f"{len(ms)} smoke requests answered, the slowest in {max(ms):.0f} ms")

    return _once("smoke", tried)


def under_load(
    one: Remediation,
    rules: Promote,
    tolerance: float,
    serving: Serving,
    registry: Registry,
    *,
    champion: int,
    challenger: int,
) -> Act:
    """Return the act that sends both what clients send, in turn, and compares how fast they answer."""

    def tried() -> Seen:
        if not rules.load_requests:
            return Seen(Outcome.DONE, "not tried under load: promote.load_requests is 0")
        example = registry.input_example(one.model, champion) or registry.input_example(one.model, challenger)
        if example is None:
            return Seen(Outcome.DONE, "not tried under load: the model carries no input example")
        entities = [_name(serving, one.endpoint, version) for version in (challenger, champion)]
        new, old = load.send(
            serving, one.endpoint, entities, example, requests=rules.load_requests, at_once=rules.load_at_once
        )
        return load.judge(new, old, tolerance=tolerance)

    return _once("load", tried)


def _once(name: str, tried: Callable[[], Seen]) -> Act:
    """Return the act that tries once and keeps what it found."""

    def look(step: Step) -> Seen:
        found = step.result.get("found")
        return Seen(Outcome.READY) if found is None else Seen(Outcome(str(found)), str(step.result["detail"]))

    def do(step: Step) -> Mapping[str, object]:
        seen = tried()
        return {"found": str(seen.outcome), "detail": seen.detail}

    return Act(name, look, do)


def _name(serving: Serving, endpoint: str, version: int) -> str:
    served = serving.state(endpoint).entity(version)
    if served is None:
        raise PlatformError(f"{endpoint} does not serve version {version}", permanent=False)
    return served.name
