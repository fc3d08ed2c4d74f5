"""Roll back: traffic and alias to the last known good version."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from daemon.config.endpoint import EndpointSettings
from daemon.domain.remediation import Remediation
from daemon.ports import Registry, Serving
from daemon.remediate.journal import Act
from daemon.remediate.traffic import point_alias, set_traffic


def acts(
    remediation: Remediation, settings: EndpointSettings, serving: Serving, registry: Registry, *, now: datetime
) -> Sequence[Act]:
    """Return the plan: traffic first, because people wait for it; then the alias, which only names it."""
    if remediation.to_version is None:
        raise ValueError(f"rollback {remediation.id} has no version to go to")
    wanted = {remediation.to_version: 100}
    return (
        set_traffic(
            "traffic", serving, settings.name, settings.model, was=[planned(remediation)], wanted=wanted, now=now
        ),
        point_alias("alias", registry, settings.model, settings.promote.alias, wanted=remediation.to_version),
    )


def planned(remediation: Remediation) -> Mapping[int, int]:
    """Return the traffic that the rollback was planned against."""
    was = remediation.plan.get("traffic")
    if not isinstance(was, Mapping):
        return {remediation.from_version: 100} if remediation.from_version is not None else {}
    return {int(version): int(percent) for version, percent in was.items()}
