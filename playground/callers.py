"""Several callers of one endpoint side by side: one that is kept waiting does not keep the others from calling."""

from contextlib import ExitStack
from dataclasses import replace
from types import TracebackType
from typing import Self

from playground.address import Address
from playground.traffic import Mix, Response, Traffic


class Callers:
    """A context in which they call. Together they send the mix."""

    def __init__(self, address: Address, endpoint: str, mix: Mix, *, count: int, seed: int = 0) -> None:
        share = replace(mix, records_per_second=mix.records_per_second / count)
        self._each = [Traffic(address, endpoint, share, seed=count * seed + n) for n in range(count)]
        self._stack = ExitStack()

    def change(self, **differences: object) -> None:
        """Send other flights from the next request on: any fields of `Mix` but its pace."""
        for one in self._each:
            one.change(**differences)

    @property
    def responses(self) -> list[Response]:
        """Every answer, in the order of arrival."""
        return sorted((r for one in self._each for r in one.responses[:]), key=lambda r: r.at)

    def __enter__(self) -> Self:
        for one in self._each:
            self._stack.enter_context(one)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()
