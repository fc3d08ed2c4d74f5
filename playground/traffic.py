"""Callers of an endpoint: real flights as real requests from a thread, each with its label a moment later.

In: a running playground's address. Out: requests at a steady rate, their counts, and the labels as Parquet below
the endpoint's label folder, features exactly as they were sent.
"""

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from random import Random
from types import TracebackType
from typing import Self

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import urllib3

from playground.address import Address
from playground.cases import CASES
from playground.flights import WINTER, unseen
from playground.labels import Labels
from playground.payloads import payload

Transform = Callable[[pa.Table], pa.Table]
_TIMEOUT_SECONDS = 30.0
_BEHIND_SECONDS = 1.0


@dataclass(frozen=True)
class Mix:
    """What the callers send; may change at any time."""

    records_per_second: float = 300.0
    months: tuple[int, ...] = WINTER
    transform: Transform | None = None
    single_share: float = 0.5
    """Share of requests, not of records, that carry a single one."""
    batch: tuple[int, int] = (20, 100)

    def __post_init__(self) -> None:
        if not self.months or not set(self.months) <= set(range(1, 13)):
            raise ValueError(f"months must be some of 1 to 12, not {self.months}")

    @property
    def records_per_request(self) -> float:
        """The mean."""
        return self.single_share + (1 - self.single_share) * sum(self.batch) / 2


@dataclass(frozen=True)
class Response:
    """One request's answer, as its caller saw it."""

    at: datetime
    """When it arrived."""
    status: int
    """0 where there was no answer at all."""
    ms: float
    served: str | None
    records: int

    @property
    def ok(self) -> bool:
        """Whether the caller got what it asked for."""
        return self.status == 200


@dataclass(frozen=True)
class Counts:
    """All responses so far."""

    sent: int
    ok: int
    failed: int
    records: int
    first_failed_at: datetime | None
    last_failed_at: datetime | None


class Traffic:
    """A thread that keeps calling one endpoint, as a context or between `start` and `stop`."""

    def __init__(self, address: Address, endpoint: str, mix: Mix | None = None, *, seed: int = 0) -> None:
        self._case = CASES[endpoint]
        self._url = f"{address.host}/serving-endpoints/{endpoint}/invocations"
        self._headers = {"Authorization": f"Bearer {address.token}", "Content-Type": "application/json"}
        self._http = urllib3.PoolManager(timeout=_TIMEOUT_SECONDS, retries=False)
        self._flights = pq.read_table(address.flights)
        self._labels = Labels(address.endpoints[endpoint].labels)
        self._seed, self._rng = seed, Random(seed)
        self._mix = mix or Mix()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._drive, name=f"traffic {endpoint}", daemon=True)
        self.responses: list[Response] = []
        """Every answer, in the order of arrival; append-only."""

    def start(self) -> Self:
        """Begin to call."""
        self._thread.start()
        return self

    def stop(self) -> None:
        """End after the request that is under way, and write the last labels."""
        self._stopping.set()
        self._thread.join()

    def change(self, **differences: object) -> None:
        """Send another mix from the next request on: any fields of `Mix`."""
        self._mix = replace(self._mix, **differences)  # type: ignore[arg-type]

    def counts(self) -> Counts:
        """Count all responses so far."""
        responses = self.responses[:]
        failed = [response.at for response in responses if not response.ok]
        return Counts(
            sent=len(responses),
            ok=len(responses) - len(failed),
            failed=len(failed),
            records=sum(response.records for response in responses),
            first_failed_at=failed[0] if failed else None,
            last_failed_at=failed[-1] if failed else None,
        )

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _drive(self) -> None:
        mix, rows = self._mix, self._deal(self._mix)
        due = time.monotonic()
        while not self._stopping.wait(max(0.0, due - time.monotonic())):
            if self._mix is not mix:
                mix, rows = self._mix, self._deal(self._mix)
            self._call(next(rows))
            # A caller that was kept waiting goes on at its rate, instead of sending all it has missed at once.
            due = max(due, time.monotonic() - _BEHIND_SECONDS) + mix.records_per_request / mix.records_per_second
        self._labels.flush()

    def _deal(self, mix: Mix) -> Iterator[pa.Table]:
        """Deal the flights of the months in random order, all of them before any a second time."""
        table = unseen(self._flights, mix.months).select([*self._case.features, self._case.target])
        order = np.random.default_rng(self._seed)
        while True:
            shuffled = table.take(order.permutation(table.num_rows))
            dealt = 0
            while dealt < shuffled.num_rows:
                size = 1 if self._rng.random() < mix.single_share else self._rng.randint(*mix.batch)
                rows = shuffled.slice(dealt, size)
                yield mix.transform(rows) if mix.transform else rows
                dealt += size

    def _call(self, rows: pa.Table) -> None:
        body = payload(
            rows.select(list(self._case.features)),
            self._rng.choice(self._case.formats),
            client_request_id=f"{self._case.endpoint}-{len(self.responses)}",
        )
        start = time.perf_counter()
        status, served = self._post(body)
        ms = 1000 * (time.perf_counter() - start)
        self.responses.append(Response(datetime.now(UTC), status, ms, served, rows.num_rows))
        self._labels.append(rows)

    def _post(self, body: bytes) -> tuple[int, str | None]:
        try:
            answer = self._http.request("POST", self._url, body=body, headers=self._headers)
        except urllib3.exceptions.HTTPError:
            return 0, None
        return answer.status, answer.headers.get("served-model-name")
