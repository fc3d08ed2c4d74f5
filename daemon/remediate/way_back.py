"""The end of a promotion, either way: what was kept ready is put away, or the champion gets everything back."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from daemon.config.endpoint import EndpointSettings
from daemon.domain.registry import Stage
from daemon.domain.remediation import Remediation, Step
from daemon.ports import Registry, Serving
from daemon.remediate.alias import point_alias, while_aliased
from daemon.remediate.frozen import thaw
from daemon.remediate.journal import Act
from daemon.remediate.known import known_config
from daemon.remediate.promote import stages, versions
from daemon.remediate.registry_stage import move_stage
from daemon.remediate.traffic import set_traffic, while_serving

RETIRE_WITHIN = timedelta(minutes=30)
"""A standby that could not be put away by then stays: it costs money, and does no harm."""


def wind_up(
    remediation: Remediation,
    settings: EndpointSettings,
    serving: Serving,
    registry: Registry,
    *,
    steps: Mapping[str, Step],
    now: datetime,
) -> Sequence[Act]:
    """Return what follows once the challenger has been verified: the champion need not be kept ready any longer."""
    champion, challenger = versions(remediation)
    model, frozen, known = remediation.model, thaw(remediation), known_config(remediation, steps)
    plan = []
    if frozen.standby:
        was, wanted = {challenger: 100, champion: 0}, {challenger: 100}
        plan.append(
            set_traffic(
                "retire",
                serving,
                settings.name,
                model,
                was=[was],
                wanted=wanted,
                now=now,
                config_version=known,
                within=RETIRE_WITHIN,
            )
        )
    if settings.promote.stages:
        # a champion from before stages were kept is in none
        was_in = [Stage.PRODUCTION, Stage.NONE]
        archive = move_stage("archived", registry, model, champion, Stage.ARCHIVED, was=was_in)
        named = while_aliased(archive, registry, model, frozen.alias, challenger)
        plan.append(while_serving(named, serving, settings.name, {challenger: 100}, known))
    return plan


def back_out(
    remediation: Remediation,
    settings: EndpointSettings,
    serving: Serving,
    registry: Registry,
    *,
    steps: Mapping[str, Step],
    now: datetime,
) -> Sequence[Act]:
    """Return the plan that gives the champion everything back, whichever stage the promotion had reached.

    The champion was kept served all the way, so this is a change of traffic: nothing has to be loaded.
    """
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
    back = [alias, *_stages_back(registry, model, champion, challenger, steps)]
    return [traffic, *(while_serving(act, serving, settings.name, wanted) for act in back)]


def _stages_back(
    registry: Registry, model: str, champion: int, challenger: int, steps: Mapping[str, Step]
) -> list[Act]:
    """Return the acts that undo what the promotion did to stages. Whatever somebody else set since stays."""
    plan = []
    for name, version, ours in (
        ("staging", challenger, {Stage.STAGING, Stage.PRODUCTION}),
        ("archived", champion, {Stage.ARCHIVED}),
    ):
        if name in steps:
            before = Stage(str(steps[name].expected["stage"]))
            was = ours - {before}
            back = f"back-out-{name}"
            plan.append(move_stage(back, registry, model, version, before, was=was, fine=set(Stage) - was))
    return plan
