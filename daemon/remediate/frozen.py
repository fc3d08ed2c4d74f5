"""What a plan was made for, and by which rules. A configuration that is reloaded under way changes no plan."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from daemon.config.endpoint import EndpointSettings
from daemon.domain.remediation import Remediation, Remedy
from daemon.domain.serving import EndpointState, traffic

RULES: Mapping[Remedy, tuple[str, ...]] = {
    Remedy.RETRAIN: ("retrain",),
    Remedy.PROMOTE: ("promote", "health", "decide"),
    Remedy.ROLLBACK: ("rollback", "promote", "health", "decide"),
    Remedy.ARCHIVE: ("archive",),
}
"""The sections of the settings that each remedy is carried out by."""


@dataclass(frozen=True, slots=True)
class Frozen:
    """The world and the rules at the moment when a promotion or a rollback was planned."""

    traffic: Mapping[int, int]
    alias: str
    alias_version: int | None
    canary: tuple[int, ...]
    standby: bool


def freeze(
    one: Remediation, settings: EndpointSettings, state: EndpointState, alias_version: int | None
) -> Mapping[str, object]:
    """Return the plan as it is carried out, and as a person approves it."""
    plan = {**one.plan, "rules": rules(settings, one.remedy)}
    if one.remedy not in (Remedy.PROMOTE, Remedy.ROLLBACK):
        return plan
    return {
        **plan,
        "config_version": state.config_version,
        "traffic": {str(version): percent for version, percent in traffic(state.served).items()},
        "alias": settings.promote.alias,
        "alias_version": alias_version,
        "canary": list(settings.promote.canary),
        "standby": settings.promote.standby,
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
        # plans of version 0.1.0 knew no standby
        standby=bool(one.plan.get("standby", False)),
    )


def rules(settings: EndpointSettings, remedy: Remedy) -> dict[str, Any]:
    """Return the settings that a remedy is carried out by, as JSON."""
    return {name: _plain(getattr(settings, name).model_dump()) for name in RULES[remedy]}


def by_its_rules(one: Remediation, settings: EndpointSettings) -> EndpointSettings:
    """Return the settings with those that the remediation was planned by."""
    planned = one.plan.get("rules")
    if not isinstance(planned, Mapping):
        return settings
    kept = {name: type(getattr(settings, name)).model_validate(section) for name, section in planned.items()}
    return settings.model_copy(update=kept)


def _plain(value: object) -> Any:
    match value:
        case timedelta():
            # the way a person writes it, and the way it is read
            return f"{value.total_seconds():.6f}s"
        case dict():
            return {name: _plain(part) for name, part in value.items()}
        case list() | tuple():
            return [_plain(part) for part in value]
        case None | bool() | int() | float():
            return value
    return str(value)
