"""Which versions served when? By the record of changes, and before there is one by who answered. Pure."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from daemon.domain.serving import EndpointState, ServedEntity, Update, entity_name

REACH = 12
"""A version that answered within so many windows before and after is taken to serve in between: a small share of little
traffic is not asked every quarter of an hour."""

Shares = Mapping[int, int]
"""Version -> percent of the traffic."""


class Served:
    """What an endpoint served at any moment of a replay."""

    def __init__(
        self,
        endpoint: str,
        model: str,
        *,
        changes: Sequence[tuple[datetime, Shares]],
        length: timedelta,
    ) -> None:
        """`changes`: when the daemon saw that what is served had changed, oldest first, and to what."""
        self._endpoint, self._model, self._changes, self._length = endpoint, model, changes, length
        self._requests: dict[datetime, Shares] = {}
        self._last: tuple[int, Shares] = (0, {})

    def learn(self, start: datetime, requests: Mapping[int, int]) -> None:
        """Add who answered how many requests of the window that began then."""
        self._requests[start] = dict(requests)

    def at(self, start: datetime, now: datetime) -> EndpointState:
        """Return what a look at `now`, at the window that begins at `start`, finds served. To be asked in order."""
        told = [shares for when, shares in self._changes if when <= now]
        number, before = self._last
        shares = told[-1] if told else _steady(self._guessed(start), before)
        if shares != before:
            self._last = number, before = number + 1, shares
        entities = [ServedEntity(entity_name(self._model, v), self._model, v, p) for v, p in sorted(before.items())]
        return EndpointState(self._endpoint, number, tuple(entities), True, Update.NONE)

    def _guessed(self, start: datetime) -> Shares:
        here = self._requests.get(start, {})
        around = [
            {v for n in range(1, REACH + 1) for v in self._requests.get(start + sign * n * self._length, {})}
            for sign in (-1, 1)
        ]
        total = sum(here.values())
        lasting = dict.fromkeys(around[0] & around[1], 0) if total else {}
        return {**lasting, **{v: max(1, round(100 * n / total)) for v, n in here.items() if n}}


def _steady(guessed: Shares, before: Shares) -> Shares:
    """Keep what was guessed before while the same versions serve and the same one serves most."""
    if not guessed:
        return before
    same = guessed.keys() == before.keys() and _main(guessed) == _main(before)
    return before if same else guessed


def _main(shares: Shares) -> int:
    return max(shares, key=lambda v: (shares[v], v))
