"""Promote: gates, smoke requests, canary steps judged beside the champion, then all traffic and alias. Or back out."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial

from daemon.config.endpoint import EndpointSettings
from daemon.config.remedies import Promote
from daemon.domain.remediation import Approval, Remediation, Step
from daemon.domain.serving import entity_name
from daemon.ports import Registry, Serving
from daemon.remediate import gates
from daemon.remediate.alias import point_alias, while_aliased
from daemon.remediate.ask import ask
from daemon.remediate.frozen import thaw
from daemon.remediate.journal import Act, Outcome, Seen
from daemon.remediate.known import known_config
from daemon.remediate.traffic import Percents, set_traffic, while_serving
from daemon.remediate.verify import Judged, verify

RETIRE_WITHIN = timedelta(minutes=30)
"""A standby that could not be put away by then stays: it costs money, and does no harm."""
WindowsSince = Callable[[int, datetime], Sequence[Judged]]
"""The windows of a version that began at or after a moment, as the watch loop judged them."""


def acts(
    remediation: Remediation,
    settings: EndpointSettings,
    serving: Serving,
    registry: Registry,
    windows: WindowsSince,
    *,
    steps: Mapping[str, Step],
    words: Mapping[str, Approval],
    now: datetime,
) -> Sequence[Act]:
    """Return the plan: gates, stage at 0 %, smoke, each canary step with its bake, full, alias.

    Before each step that the rules name, a person is asked.
    """
    champion, challenger = versions(remediation)
    rules, model, frozen = settings.promote, remediation.model, thaw(remediation)
    known = known_config(remediation, steps)
    undisturbed = partial(while_serving, serving=serving, endpoint=settings.name, config_version=known)
    aliased = partial(while_aliased, registry=registry, model=model, alias=frozen.alias, version=frozen.alias_version)
    change = partial(set_traffic, serving=serving, endpoint=settings.name, model=model, now=now, config_version=known)
    plan = [_gates(rules, registry, model, challenger)]
    was: Percents = {champion: 100}
    for name, wanted in stages(champion, challenger, frozen.canary, standby=frozen.standby):
        if name in rules.ask_before:
            asked = ask(name, remediation, words, within=settings.approve.within)
            plan.append(undisturbed(asked, wanted=was))
        plan.append(change(name, was=[was], wanted=wanted, within=rules.timeout))
        if name == "stage":
            plan.append(undisturbed(_smoke(remediation, rules, serving, registry), wanted=wanted))
        elif name.startswith("canary"):
            bake = _bake(name.replace("canary", "bake"), rules, windows, challenger, now)
            plan.append(undisturbed(aliased(bake), wanted=wanted))
        was = wanted
    if "alias" in rules.ask_before:
        plan.append(undisturbed(ask("alias", remediation, words, within=settings.approve.within), wanted=was))
    alias = point_alias("alias", registry, model, frozen.alias, was=[frozen.alias_version], wanted=challenger)
    return [*plan, undisturbed(alias, wanted=was)]


def wind_up(
    remediation: Remediation,
    settings: EndpointSettings,
    serving: Serving,
    *,
    steps: Mapping[str, Step],
    now: datetime,
) -> Sequence[Act]:
    """Return what follows once the challenger has been verified: the champion need not be kept ready any longer."""
    champion, challenger = versions(remediation)
    if not thaw(remediation).standby:
        return ()
    was, wanted = {challenger: 100, champion: 0}, {challenger: 100}
    known = known_config(remediation, steps)
    retire = set_traffic(
        "retire",
        serving,
        settings.name,
        remediation.model,
        was=[was],
        wanted=wanted,
        now=now,
        config_version=known,
        within=RETIRE_WITHIN,
    )
    return (retire,)


def stages(champion: int, challenger: int, canary: Sequence[int], *, standby: bool) -> list[tuple[str, Percents]]:
    """Return the traffic of each stage of a promotion, in order. Pure."""
    steps: list[tuple[str, Percents]] = [("stage", {champion: 100, challenger: 0})]
    steps += [(f"canary-{percent}", {champion: 100 - percent, challenger: percent}) for percent in canary]
    return [*steps, ("full", {challenger: 100, champion: 0} if standby else {challenger: 100})]


def back_out(
    remediation: Remediation,
    settings: EndpointSettings,
    serving: Serving,
    registry: Registry,
    *,
    now: datetime,
) -> Sequence[Act]:
    """Return the plan that gives the champion everything back, whichever stage the promotion had reached."""
    champion, challenger = versions(remediation)
    model, frozen = remediation.model, thaw(remediation)
    was = [traffic for _, traffic in stages(champion, challenger, frozen.canary, standby=frozen.standby)]
    was.append({challenger: 100})
    wanted = {champion: 100}
    # not pinned: an update of the promotion's own may still have been on its way
    traffic = set_traffic("back-out", serving, settings.name, model, was=was, wanted=wanted, now=now, pinned=False)
    # an alias that never came to the challenger stays where it was
    fine = {frozen.alias_version} - {challenger}
    alias = point_alias("back-out-alias", registry, model, frozen.alias, was=[challenger], wanted=champion, fine=fine)
    return traffic, while_serving(alias, serving, settings.name, wanted)


def versions(remediation: Remediation) -> tuple[int, int]:
    """Return champion and challenger. A promotion cannot be made without both."""
    if remediation.from_version is None or remediation.to_version is None:
        raise ValueError(f"promotion {remediation.id} lacks a champion or a challenger")
    return remediation.from_version, remediation.to_version


def _gates(rules: Promote, registry: Registry, model: str, challenger: int) -> Act:
    def look(step: Step) -> Seen:
        version = registry.version(model, challenger)
        if not version.ready or version.run_id is None:
            return Seen(Outcome.FAILED, f"version {challenger} is not ready, or has no run to take metrics from")
        results = gates.judge(rules.gates, registry.metrics(version.run_id))
        passed = all(r.passed for r in results)
        detail = "; ".join(r.detail for r in results if passed or not r.passed) or "no gate is configured"
        return Seen(Outcome.DONE if passed else Outcome.FAILED, detail, {r.metric: r.detail for r in results})

    return Act("gates", look)


def _smoke(remediation: Remediation, rules: Promote, serving: Serving, registry: Registry) -> Act:
    model, (_, challenger) = remediation.model, versions(remediation)

    def look(step: Step) -> Seen:
        example = registry.input_example(model, challenger)
        if example is None:
            return Seen(Outcome.DONE, "the model carries no input example to try")
        entity = entity_name(model, challenger)
        answers = [serving.query(remediation.endpoint, entity, example) for _ in range(rules.smoke_requests)]
        refused = [status for status, _ in answers if status >= 400]
        if refused:
            return Seen(Outcome.FAILED, f"{len(refused)} of {len(answers)} smoke requests failed ({refused[0]})")
        slowest = max(ms for _, ms in answers)
        return Seen(Outcome.DONE, f"{len(answers)} smoke requests answered, the slowest in {slowest:.0f} ms")

    return Act("smoke", look)


def _bake(name: str, rules: Promote, windows: WindowsSince, challenger: int, now: datetime) -> Act:
    def look(step: Step) -> Seen:
        since = step.started_at or now
        return verify(windows(challenger, since), healthy=rules.windows, requests=rules.requests, breaches=1)

    return Act(name, look, within=rules.timeout)
