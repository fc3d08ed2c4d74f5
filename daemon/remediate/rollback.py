"""Roll back: traffic and alias to the last known good version."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from daemon.config.endpoint import EndpointSettings
from daemon.domain.registry import Stage
from daemon.domain.remediation import Remediation, Step
from daemon.ports import Registry, Serving
from daemon.remediate.alias import point_alias
from daemon.remediate.frozen import thaw
from daemon.remediate.journal import Act
from daemon.remediate.known import known_config
from daemon.remediate.registry_stage import move_stage
from daemon.remediate.traffic import set_traffic, while_serving


def acts(
    remediation: Remediation,
    settings: EndpointSettings,
    serving: Serving,
    registry: Registry,
    *,
    steps: Mapping[str, Step],
    now: datetime,
) -> Sequence[Act]:
    """Return the plan: traffic first, because people wait for it; then the alias, which only names it.

    The traffic is one update, whole or not at all: where the target is served at 0 % it is routed to and nothing is
    loaded, else Databricks loads it first and routes then. A crash between traffic and alias is safe: the good version
    serves, and the alias still names the bad one, as it did before. Whoever loads by alias is no worse off than a
    moment ago, and the next step looks and points it. The other way round, the alias would name as good what does not
    serve, and people would wait for the registry.
    """
    if remediation.to_version is None:
        raise ValueError(f"rollback {remediation.id} has no version to go to")
    model, frozen, target = remediation.model, thaw(remediation), remediation.to_version
    known, wanted = known_config(remediation, steps), {target: 100}
    traffic = set_traffic(
        "traffic", serving, settings.name, model, was=[frozen.traffic], wanted=wanted, now=now, config_version=known
    )
    after = [point_alias("alias", registry, model, frozen.alias, was=[frozen.alias_version], wanted=target)]
    if settings.promote.stages:
        after.append(move_stage("production", registry, model, target, Stage.PRODUCTION))
        if remediation.from_version is not None:
            after.append(move_stage("archived", registry, model, remediation.from_version, Stage.ARCHIVED))
    return [traffic, *(while_serving(act, serving, settings.name, wanted, known) for act in after)]
