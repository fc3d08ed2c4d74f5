"""Promote: gates, trials, canary steps judged beside the champion, then all traffic and alias. Or back out."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from daemon.config.endpoint import EndpointSettings
from daemon.config.remedies import Promote
from daemon.domain.registry import Stage
from daemon.domain.remediation import Approval, Remediation, Step
from daemon.ports import PlatformError, Registry, Serving
from daemon.remediate import gates
from daemon.remediate.alias import point_alias, while_aliased
from daemon.remediate.approval_tag import keep_tag
from daemon.remediate.ask import ask
from daemon.remediate.bake import Asked, bake
from daemon.remediate.fits import SIGNATURE, fits
from daemon.remediate.frozen import Frozen, thaw
from daemon.remediate.journal import Act, Outcome, Seen
from daemon.remediate.known import known_config
from daemon.remediate.registry_stage import move_stage, while_staged
from daemon.remediate.traffic import Percents, set_traffic, while_serving
from daemon.remediate.trial import smoke, under_load
from daemon.remediate.verify import Judged

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
    """Return the plan: gates, stage at 0 %, smoke, load, each canary step with its bake, full, alias.

    1. Before each step that the rules name, a person is asked.
    2. It is given up at whichever act it stands as soon as somebody else changes traffic, alias or stage.
    3. Traffic goes before the alias, so that the alias never names a version that does not serve.
    """
    it = _Course(remediation, settings, serving, registry, thaw(remediation), *versions(remediation), steps, words, now)
    plan = [*it.tag(), it.watched(_gates(it), it.all_to_champion)]
    was = it.all_to_champion
    for name, wanted in stages(it.champion, it.challenger, it.frozen.canary, standby=it.frozen.standby):
        plan += [*it.asked(name, was), it.change(name, was, wanted)]
        if name == "stage":
            plan += [it.watched(act, wanted) for act in (*it.to_staging(), *it.trials())]
        elif name.startswith("canary"):
            plan.append(it.watched(_bake(name.replace("canary", "bake"), it, windows), wanted, staged=True))
        was = wanted
    return [*plan, *it.asked("alias", was), *it.take_over(was)]


def stages(champion: int, challenger: int, canary: Sequence[int], *, standby: bool) -> list[tuple[str, Percents]]:
    """Return the traffic of each stage of a promotion, in order. Pure.

    Without a canary it is blue/green: the challenger beside the champion at 0 %, and then all of it.
    """
    steps: list[tuple[str, Percents]] = [("stage", {champion: 100, challenger: 0})]
    steps += [(f"canary-{percent}", {champion: 100 - percent, challenger: percent}) for percent in canary]
    return [*steps, ("full", {challenger: 100, champion: 0} if standby else {challenger: 100})]


def versions(remediation: Remediation) -> tuple[int, int]:
    """Return champion and challenger. A promotion cannot be made without both."""
    if remediation.from_version is None or remediation.to_version is None:
        raise ValueError(f"promotion {remediation.id} lacks a champion or a challenger")
    return remediation.from_version, remediation.to_version


@dataclass(frozen=True, slots=True)
class _Course:
    """What the acts of one promotion share."""

    one: Remediation
    settings: EndpointSettings
    serving: Serving
    registry: Registry
    frozen: Frozen
    champion: int
    challenger: int
    steps: Mapping[str, Step]
    words: Mapping[str, Approval]
    now: datetime

    @property
    def rules(self) -> Promote:
        return self.settings.promote

    @property
    def all_to_champion(self) -> Percents:
        return {self.champion: 100}

    def watched(self, act: Act, serves: Percents, *, staged: bool = False) -> Act:
        """Return the act, given up as soon as traffic, alias or stage are not as this promotion left them."""
        if staged and self.rules.stages:
            act = while_staged(act, self.registry, self.one.model, self.challenger, Stage.STAGING)
        act = while_aliased(act, self.registry, self.one.model, self.frozen.alias, self.frozen.alias_version)
        known = known_config(self.one, self.steps)
        return while_serving(act, self.serving, self.settings.name, serves, known)

    def change(self, name: str, was: Percents, wanted: Percents) -> Act:
        act = set_traffic(
            name,
            self.serving,
            self.settings.name,
            self.one.model,
            was=[was],
            wanted=wanted,
            now=self.now,
            config_version=known_config(self.one, self.steps),
            within=self.rules.timeout,
        )
        if self.rules.stages and name != "stage":
            act = while_staged(act, self.registry, self.one.model, self.challenger, Stage.STAGING)
        return while_aliased(act, self.registry, self.one.model, self.frozen.alias, self.frozen.alias_version)

    def asked(self, name: str, serves: Percents) -> list[Act]:
        if name not in self.rules.ask_before:
            return []
        asks = ask(name, self.one, self.words, within=self.settings.approve.within)
        return [self.watched(asks, serves, staged=name != "stage")]

    def tag(self) -> list[Act]:
        tag = self.rules.approval_tag
        return [keep_tag(self.one, self.registry, self.challenger, tag, self.words)] if tag else []

    def to_staging(self) -> list[Act]:
        if not self.rules.stages:
            return []
        return [move_stage("staging", self.registry, self.one.model, self.challenger, Stage.STAGING, was=[Stage.NONE])]

    def trials(self) -> list[Act]:
        both = {"champion": self.champion, "challenger": self.challenger}
        tolerance = self.settings.health.latency
        return [
            smoke(self.one, self.rules, self.serving, self.registry, **both),
            under_load(self.one, self.rules, tolerance, self.serving, self.registry, **both),
        ]

    def take_over(self, serves: Percents) -> list[Act]:
        """Return the acts that name the challenger as the one in charge, once it is."""
        model, alias, known = self.one.model, self.frozen.alias, known_config(self.one, self.steps)
        point = point_alias(
            "alias", self.registry, model, alias, was=[self.frozen.alias_version], wanted=self.challenger
        )
        plan = [while_serving(point, self.serving, self.settings.name, serves, known)]
        if self.rules.stages:
            produce = move_stage(
                "production", self.registry, model, self.challenger, Stage.PRODUCTION, was=[Stage.STAGING]
            )
            named = while_aliased(produce, self.registry, model, alias, self.challenger)
            plan.append(while_serving(named, self.serving, self.settings.name, serves, known))
        return plan


def _gates(it: _Course) -> Act:
    def look(step: Step) -> Seen:
        version = it.registry.version(it.one.model, it.challenger)
        if not version.ready or version.run_id is None:
            return Seen(Outcome.FAILED, f"version {it.challenger} is not ready, or has no run to take metrics from")
        metrics = it.registry.metrics(version.run_id)
        results = [_fit(it), *gates.judge(it.rules.gates, metrics, minimum_rows=it.rules.minimum_rows)]
        passed = all(r.passed for r in results)
        detail = "; ".join(r.detail for r in results if passed or not r.passed)
        return Seen(Outcome.DONE if passed else Outcome.FAILED, detail, {r.metric: r.detail for r in results})

    return Act("gates", look)


def _fit(it: _Course) -> gates.GateResult:
    try:
        new, old = (it.registry.signature(it.one.model, version) for version in (it.challenger, it.champion))
    except PlatformError as error:
        if not error.permanent:
            raise
        # without a signature nobody can tell what clients send, or what they would get
        return gates.GateResult(SIGNATURE, False, str(error))
    return fits(new, old)


def _bake(name: str, it: _Course, windows: WindowsSince) -> Act:
    asked = Asked(it.rules.bake, it.rules.windows, it.rules.requests, it.settings.health.requests)

    def look(step: Step) -> Seen:
        since = step.started_at or it.now
        return bake(windows(it.challenger, since), windows(it.champion, since), asked, since=since, now=it.now)

    return Act(name, look, within=it.rules.timeout)
