"""Whether an endpoint can be watched as it is: what was found in; its table and model, or what keeps it out. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from daemon.config.mlflow import RegistryKind
from daemon.domain.found import FoundEndpoint, LoggedTo, Logging
from daemon.domain.table_name import table_name

TURN_ON = "Serving > {name} > Edit endpoint > AI Gateway: enable inference tables, then run init again"


@dataclass(frozen=True, slots=True)
class Watchable:
    found: FoundEndpoint
    model: str
    log: LoggedTo
    table: str
    """As the configuration has it: a part with a backtick is in backticks."""


@dataclass(frozen=True, slots=True)
class LeftOut:
    name: str
    why: str
    todo: str = ""
    """What makes it watchable; empty where nothing does."""


def registry_of(tracking: str, found: Sequence[FoundEndpoint]) -> RegistryKind:
    """Return the registry that most likely holds the models: three levels are a name in Unity Catalog."""
    if tracking.startswith(("http://", "https://")):
        return RegistryKind.MLFLOW
    names = [e.model for one in found for e in one.state.served if not e.foreign]
    return RegistryKind.UNITY if any(_levels(n) == 3 for n in names) or not names else RegistryKind.WORKSPACE


def look(found: FoundEndpoint, registry: RegistryKind) -> Watchable | LeftOut:
    served = found.state.served
    if not served:
        return LeftOut(found.name, "serves nothing yet", "deploy a version, then run init again")
    if any(e.foreign for e in served):
        return LeftOut(
            found.name, "serves an external or foundation model: it has no registered versions to go back to"
        )
    models = sorted({e.model for e in served})
    if len(models) > 1:
        why = f"serves several registered models ({', '.join(models)}): traffic is moved between versions of one only"
        return LeftOut(found.name, why)
    if registry is RegistryKind.UNITY and _levels(models[0]) != 3:
        why = f"{models[0]} is in the workspace's own registry, and the others are in Unity Catalog"
        return LeftOut(
            found.name, why, 'one daemon speaks to one registry: run a second with registry_uri = "databricks"'
        )
    return _logged(found, models[0])


def _logged(found: FoundEndpoint, model: str) -> Watchable | LeftOut:
    turn_on = TURN_ON.format(name=found.name)
    enabled = [one for one in found.logs if one.enabled and one.kind is not Logging.LEGACY]
    known = next((one for one in enabled if one.table), None)
    if known is not None:
        table = _written(known.table)
        if table is not None:
            return Watchable(found, model, known, table)
        return LeftOut(found.name, f"{known.table} is no name in Unity Catalog")
    if enabled:
        todo = "look in its telemetry settings: the table is the one of its logs with `_payload` behind"
        return LeftOut(
            found.name, "endpoint telemetry logs its requests, to a table that Databricks does not name", todo
        )
    if any(one.kind is Logging.LEGACY for one in found.logs):
        return LeftOut(
            found.name, "has the legacy inference table, unsupported since 2026-03: no new rows come", turn_on
        )
    off = "an inference table that is not enabled" if found.logs else "no inference table"
    return LeftOut(found.name, f"has {off}", turn_on)


def _levels(model: str) -> int:
    return len(model.split("."))


def _written(name: str) -> str | None:
    """Write a name as `endpoints.table` takes it; None where it can be no name."""
    parts = name.split(".", 2)
    text = ".".join("`" + part.replace("`", "``") + "`" if "`" in part or "." in part else part for part in parts)
    try:
        return text if table_name(text) is not None else None
    except ValueError:
        return None
