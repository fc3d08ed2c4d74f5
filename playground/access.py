"""Who is there, and who may do what. Everything is granted until somebody takes it away."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

Held = dict[str, list[str]]
"""Principal -> privileges or levels."""


@dataclass
class Access:
    """Belongs to the event loop."""

    me: str
    groups: list[str] = field(default_factory=lambda: ["users"])
    people: dict[str, bool] = field(default_factory=dict)
    """User or service principal -> whether active. Who is not in it has left."""
    lists_people: bool = True
    """Whether whoever asks may see others."""
    shows_rights: bool = True
    """Whether whoever asks may see who holds what."""
    rights: dict[tuple[str, str], Held] = field(default_factory=dict)
    """What was set for an object, by its kind and name."""
    owners: dict[str, str] = field(default_factory=dict)
    tokens: list[dict[str, Any]] = field(default_factory=lambda: [{"token_id": "1", "expiry_time": -1}])
    skew_seconds: float = 0.0
    """How far the workspace's clock is ahead."""

    def __post_init__(self) -> None:
        self.people.setdefault(self.me, True)

    def held(self, kind: str, name: str) -> Held:
        """Return who holds what on an object."""
        return self.rights.get((kind, name), {self.me: list(_ALL.get(kind, _PRIVILEGES))})

    def owner(self, name: str) -> str:
        """Return the owner of a table, schema, catalog or model."""
        return self.owners.get(name, "owner@playground.example")

    def change(self, asked: dict[str, Any]) -> None:
        """Take over what a test asks for; what it does not name stays, but for a `reset`."""
        if asked.get("reset"):
            vars(self).update(vars(Access(self.me)))
        for name in ("groups", "lists_people", "shows_rights", "tokens", "skew_seconds"):
            if name in asked:
                setattr(self, name, asked[name])
        for person, active in (asked.get("people") or {}).items():
            self._person(person, active)
        self.owners |= asked.get("owners") or {}
        for kind, name, held in asked.get("rights") or []:
            self.rights[kind, name] = held
        for kind, name, right in asked.get("take") or []:
            self._take(kind, name, right)

    def _person(self, person: str, active: bool | None) -> None:
        if active is None:
            self.people.pop(person, None)
        else:
            self.people[person] = active

    def _take(self, kind: str, name: str, right: str) -> None:
        held = self.held(kind, name)
        self.rights[kind, name] = {who: _without(rights, right) for who, rights in held.items()}


def _without(rights: Iterable[str], right: str) -> list[str]:
    return [each for each in rights if each != right]


_ALL = {"serving-endpoints": ("CAN_MANAGE",), "jobs": ("CAN_MANAGE",), "warehouses": ("CAN_MANAGE",)}
_PRIVILEGES = ("USE_CATALOG", "USE_SCHEMA", "EXTERNAL_USE_SCHEMA", "SELECT", "EXECUTE", "MANAGE", "APPLY_TAG")
