"""What a plan was made for. A configuration that is reloaded under way changes no plan that has begun."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from daemon.config.endpoint import EndpointSettings
from daemon.domain.remediation import Remediation, Remedy
from daemon.domain.serving import EndpointState, traffic
from daemon.ports import Registry


@dataclass(frozen=True, slots=True)
class Frozen:
    """The world and the rules at the moment when the guards let a promotion or a rollback through."""

    traffic: Mapping[int, int]
    alias: str
    alias_version: int | None
    canary: tuple[int, ...]


def freeze(
    one: Remediation, settings: EndpointSettings, state: EndpointState, registry: Registry
) -> Mapping[str, object]:
    """Return the plan as it is carried out."""
    if one.remedy not in (Remedy.PROMOTE, Remedy.ROLLBACK):
        return one.plan
    return {
        **one.plan,
        "config_version": state.config_version,
        "traffic": {str(version): percent for version, percent in traffic(state.served).items()},
        "alias": settings.promote.alias,
        "alias_version": registry.alias(one.model, settings.promote.alias),
        "canary": list(settings.promote.canary),
    }


def thaw(one: Remediation) -> Frozen:
    """Read a plan back. Raise ValueError where the remediation was never let through."""
    served, canary, pointed = (one.plan.get(name) for name in ("traffic", "canary", "alias_version"))
    if not isinstance(served, Mapping) or not isinstance(canary, Sequence):
        raise ValueError(f"{one.remedy} {one.id} has no plan")
    return Frozen(
        traffic={int(version): int(percent) for version, percent in served.items()},
        alias=str(one.plan["alias"]),
        alias_version=None if pointed is None else int(str(pointed)),
        canary=tuple(int(percent) for percent in canary),
    )
