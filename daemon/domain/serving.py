"""What an endpoint serves: the live state that Databricks reports, and the traffic that we wish for."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

OURS = "mlsteward"
"""The client's request id of the requests by which a version is tried: they are no traffic, and not judged as such."""


class Update(StrEnum):
    """What becomes of the endpoint's last configuration update."""

    NONE = "none"
    IN_PROGRESS = "in_progress"
    FAILED = "failed"
    UNKNOWN = "unknown"
    """Databricks answered with a state we do not know. Never read as healthy."""


@dataclass(frozen=True, slots=True)
class ServedEntity:
    """One registered version behind an endpoint, with its share of the traffic."""

    name: str
    model: str
    version: int
    percent: int
    settings: Mapping[str, object] = field(default_factory=dict, compare=False)
    """Everything else Databricks wants back on an update: size, scale to zero, environment."""
    ready: bool = field(default=True, compare=False)
    foreign: bool = field(default=False, compare=False)
    """An external or foundation model, whose settings are not echoed in full: hands off."""


@dataclass(frozen=True, slots=True)
class EndpointState:
    """An endpoint as it is right now."""

    endpoint: str
    config_version: int
    served: tuple[ServedEntity, ...]
    ready: bool
    update: Update
    pending: tuple[ServedEntity, ...] | None = None
    table: str | None = None
    """The inference table Databricks names for it, `catalog.schema.table`."""

    def entity(self, version: int) -> ServedEntity | None:
        return next((e for e in self.served if e.version == version), None)

    def versions(self, model: str) -> list[int]:
        """Return the versions of the model that are served, at any share."""
        return sorted({e.version for e in self.served if e.model == model})

    @property
    def main(self) -> ServedEntity | None:
        """The entity with the largest share of the traffic."""
        return max(self.served, key=lambda e: (e.percent, e.version), default=None)


def traffic(served: Iterable[ServedEntity]) -> dict[int, int]:
    """Return version -> percent, without the versions that get none."""
    return {e.version: e.percent for e in served if e.percent}


def with_traffic(served: Iterable[ServedEntity], model: str, percents: Mapping[int, int]) -> tuple[ServedEntity, ...]:
    """Return the entities that serve `percents`, settings copied from what serves today.

    What serves keeps its name, so that a change of traffic is nothing but that. A version not yet served takes the
    settings of the entity with the most traffic. Raise ValueError where the percents do not sum to 100 or nothing of
    the endpoint can be copied.
    """
    if sum(percents.values()) != 100:
        raise ValueError(f"traffic must sum to 100, not {dict(percents)}")
    today = sorted(served, key=lambda e: -e.percent)
    if not today or any(e.foreign or e.model != model for e in today):
        raise ValueError(f"the endpoint serves something else than versions of {model}")
    known = {e.version: e for e in today}
    return tuple(
        replace(known[v], percent=p)
        if v in known
        else replace(today[0], version=v, percent=p, name=entity_name(model, v))
        for v, p in sorted(percents.items())
    )


def entity_name(model: str, version: int) -> str:
    """Return the name Databricks itself would give: the model's last part and the version."""
    return f"{model.rsplit('.', 1)[-1]}-{version}"
