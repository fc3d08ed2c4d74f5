"""The act that moves a version to a stage of the registry (`promote.stages`), for teams that go by them."""

from collections.abc import Collection, Mapping
from dataclasses import replace

from daemon.domain.registry import Stage
from daemon.domain.remediation import Step
from daemon.ports import Registry
from daemon.remediate.journal import Act, Outcome, Seen


def move_stage(
    name: str,
    registry: Registry,
    model: str,
    version: int,
    wanted: Stage,
    *,
    was: Collection[Stage] = tuple(Stage),
    fine: Collection[Stage] = (),
) -> Act:
    """Return the act that moves a version from the stage that its intent saw, one of `was`. What is `fine` may stay.

    There is no compare-and-set, so it looks first and again after: any other stage was set by a person.
    """

    def base() -> Mapping[str, object]:
        return {"stage": str(registry.version(model, version).stage)}

    def look(step: Step) -> Seen:
        found = registry.version(model, version).stage
        if found is wanted or found in fine:
            return Seen(Outcome.DONE, f"version {version} is in stage {found}")
        if found in was and found == step.expected.get("stage"):
            return Seen(Outcome.READY)
        return Seen(Outcome.FOREIGN, f"somebody moved version {version} to stage {found}")

    def do(step: Step) -> Mapping[str, object]:
        registry.set_stage(model, version, wanted)
        return {}

    return Act(name, look, do, base)


def while_staged(act: Act, registry: Registry, model: str, version: int, stage: Stage) -> Act:
    """Return the act, given up as soon as somebody else moves the version to another stage."""

    def look(step: Step) -> Seen:
        found = registry.version(model, version).stage
        if found is not stage:
            return Seen(Outcome.FOREIGN, f"somebody moved version {version} to stage {found}")
        return act.look(step)

    return replace(act, look=look)
