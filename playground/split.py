"""Which served entity takes the next request: a split by percentage that is smooth and follows no pattern."""

from math import floor

_GOLDEN_RATIO = (5**0.5 - 1) / 2


class Split:
    """Multiples of the golden ratio fall evenly into [0, 1), so the shares hold over any short stretch of requests.

    Counting out every tenth request would hold them too, but would also give one entity all the requests of a
    caller that repeats itself every tenth time.
    """

    def __init__(self, shares: dict[str, int]) -> None:
        self._shares = {name: share for name, share in shares.items() if share > 0}
        self._requests = 0

    def next(self) -> str:
        """Return the name of the entity that takes the next request."""
        self._requests += 1
        position = self._requests * _GOLDEN_RATIO
        place = 100 * (position - floor(position))
        for name, share in self._shares.items():
            place -= share
            if place < 0:
                return name
        return next(reversed(self._shares))
