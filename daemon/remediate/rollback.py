"""Roll back: traffic and alias to the last known good version."""

from collections.abc import Sequence
from datetime import datetime

from daemon.config.endpoint import EndpointSettings
from daemon.domain.remediation import Remediation
from daemon.ports import Registry, Serving
from daemon.remediate.alias import point_alias
from daemon.remediate.frozen import thaw
from daemon.remediate.journal import Act
from daemon.remediate.known import known_config
from daemon.remediate.traffic import set_traffic, while_serving


def acts(
    remediation: Remediation, settings: EndpointSettings, serving: Serving, registry: Registry, *, now: datetime
) -> Sequence[Act]:
    """Return the plan: traffic first, because people wait for it; then the alias, which only names it."""
    if remediation.to_version is None:
        raise ValueError(f"rollback {remediation.id} has no version to go to")
    model, frozen, target = remediation.model, thaw(remediation), remediation.to_version
    wanted = {target: 100}
    traffic = set_traffic(
        "traffic",
        serving,
        settings.name,
        model,
        was=[frozen.traffic],
        wanted=wanted,
        now=now,
        config_version=known_config(remediation, {}),
    )
    alias = point_alias("alias", registry, model, frozen.alias, was=[frozen.alias_version], wanted=target)
    return traffic, while_serving(alias, serving, settings.name, wanted)
