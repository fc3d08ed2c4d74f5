"""What the listener asks of the daemon, and the secrets that it knows people by."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from daemon.config.fields import Secret, SecretError
from daemon.config.settings import Web
from daemon.domain.person import Done

SHORTEST = 32
"""Characters of a secret: fewer could be guessed."""


@dataclass(frozen=True, slots=True)
class Credentials:
    """None: nobody comes in that way."""

    token: str | None = field(default=None, repr=False)
    link_key: str | None = field(default=None, repr=False)
    webhook_secret: str | None = field(default=None, repr=False)

    @classmethod
    def read(cls, settings: Web) -> "Credentials":
        """Read the secrets from where they are. Raise SecretError, in a sentence that says what to do about it."""
        return cls(
            _read("web.token", settings.token),
            _read("web.link_key", settings.link_key),
            _read("web.webhook_secret", settings.webhook_secret),
        )


@dataclass(frozen=True, slots=True)
class Stranger:
    """Somebody without credentials: where he is, and what he tried. Never what he sent."""

    address: str
    forwarded_for: str
    """What a proxy says of him; anybody can say so."""
    method: str
    path: str


class Desk(Protocol):
    @property
    def credentials(self) -> Credentials: ...

    def do(self, verb: str, written: Mapping[str, object], *, via: str) -> Done:
        """Do what is asked for, or raise Refused."""

    def status(self) -> Mapping[str, Any]: ...

    def explain(self, short_id: str) -> Mapping[str, Any]:
        """Return all about a remediation, or raise Unknown."""

    def finding(self, asked: str) -> Mapping[str, Any]:
        """Return a finding and what it rests on, or raise Unknown."""

    def pictures(self, asked: str) -> Sequence[str]:
        """Return the picture of a finding, or those of a remediation's worst findings, as SVG; or raise Unknown."""

    def hint(self, model: str) -> Sequence[str]:
        """Have the loops of the model's endpoints look now, and return these endpoints."""

    def turned_away(self, stranger: Stranger) -> None:
        """Record that a stranger was turned away."""

    def turned_away_many(self, strangers: int, last: Stranger) -> None:
        """Record the rest of a flood of them in one."""


def _read(name: str, place: Secret | None) -> str | None:
    if place is None:
        return None
    try:
        value = place.read()
    except SecretError as error:
        raise SecretError(f"{name}: {error}") from error
    if len(value) < SHORTEST:
        short = f"{name} has {len(value)} characters and could be guessed"
        raise SecretError(f"{short}: take {SHORTEST} or more, such as from `openssl rand -hex 32`")
    return value
