"""The act that points a registry alias. It has no compare-and-set either, so it looks first and again after."""

from collections.abc import Collection, Mapping
from dataclasses import replace

from daemon.domain.remediation import Step
from daemon.ports import PlatformError, Registry
from daemon.remediate.journal import Act, Outcome, Seen


def point_alias(
    name: str,
    registry: Registry,
    model: str,
    alias: str,
    *,
    was: Collection[int | None],
    wanted: int,
    fine: Collection[int | None] = (),
) -> Act:
    """Return the act that points a registry alias from one of `was` at a version. What is `fine` may stay."""

    def base() -> Mapping[str, object]:
        return {"version": registry.alias(model, alias)}

    def do(step: Step) -> Mapping[str, object]:
        if look(step).outcome is not Outcome.READY:
            raise PlatformError(f"{alias} of {model} was moved a moment ago", permanent=False)
        registry.set_alias(model, alias, wanted)
        return {"alias": alias}

    def look(step: Step) -> Seen:
        points = registry.alias(model, alias)
        if points == wanted or points in fine:
            return Seen(Outcome.DONE, f"{alias} is version {points}" if points else f"there is no alias {alias}")
        if points in was:
            return Seen(Outcome.READY)
        return Seen(Outcome.FOREIGN, f"somebody pointed {alias} at version {points}")

    return Act(name, look, do, base)


def while_aliased(act: Act, registry: Registry, model: str, alias: str, version: int | None) -> Act:
    """Return the act, given up as soon as somebody else points the alias elsewhere."""

    def look(step: Step) -> Seen:
        points = registry.alias(model, alias)
        if points != version:
            return Seen(Outcome.FOREIGN, f"somebody pointed {alias} at version {points}")
        return act.look(step)

    return replace(act, look=look)
