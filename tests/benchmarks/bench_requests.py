"""Requests of the daemon's loops: a look with new data, a look without, an idle hour, and statements to a warehouse.

All loops of one endpoint go round as the schedule has them, against a real workspace server over real tables.

python -m tests.benchmarks.bench_requests --json build/bench/requests.json
"""

import argparse
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from daemon.config.endpoint import EndpointSettings
from daemon.config.mlflow import Mlflow
from daemon.config.settings import Safety, Settings
from daemon.config.settings import Store as StoreSettings
from daemon.store import baselines, endpoints
from daemon.store.engine import Store
from daemon.telemetry.metrics import Metrics
from daemon.wiring import Round, build_world, rounds
from tests.adapters.delta.tables import write as append
from tests.benchmarks import traffic
from tests.benchmarks.bench_decode import BUILD, write
from tests.benchmarks.candidates.ours import baseline_of
from tests.fakes import LoggedRequest
from tests.small_workspace import SmallWorkspace

AIM_A_LOOK, AIM_STATEMENTS = 6, 0
"""Requests of one look, at most; and statements while nothing new has settled."""
NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
WINDOW, HOUR = timedelta(minutes=15), timedelta(hours=1)
ROWS, BASELINE_ROWS = 60, 2000
NAME, MODEL, TABLE = "flights", "m", "main.ml.flights_payload"
READERS = {
    "delta, by path": ("{path}", "delta"),
    "delta, by name": (TABLE, "delta"),
    "warehouse": (TABLE, "warehouse"),
}
STATEMENTS = "/api/2.0/sql/statements"
ENDPOINT = {
    "name": NAME,
    "state": {"ready": "READY", "config_update": "NOT_UPDATING"},
    "config": {
        "config_version": 1,
        "served_entities": [{"name": "m-1", "entity_name": MODEL, "entity_version": "1"}],
    },
}


@dataclass
class Counted:
    """What went out, by what it was for."""

    first: list[int] = field(default_factory=list)
    """Requests of the first look, which also finds its way."""
    new: list[int] = field(default_factory=list)
    """Of each look at which a window with rows had newly settled."""
    same: list[int] = field(default_factory=list)
    """Of each look at which none had."""
    statements_new: int = 0
    statements_same: int = 0
    idle: Counter[str] = field(default_factory=Counter)
    """Of a whole hour without a row, all loops together, by method and path."""

    @property
    def idle_statements(self) -> int:
        return self.idle[f"POST {STATEMENTS}"]


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--json", type=Path, default=BUILD / "requests.json")
    run(**vars(options.parse_args()))


def run(*, json: Path) -> dict[str, Counted]:
    """Measure, print, write."""
    found = {}
    for name in READERS:
        with tempfile.TemporaryDirectory() as folder:
            found[name] = measure(Path(folder), name)
    Console().print(shown(found))
    told = {name: _as_json(one) for name, one in found.items()}
    write(json, {"aim_requests_a_look": AIM_A_LOOK, "aim_statements_while_nothing_is_new": AIM_STATEMENTS, **told})
    return found


def measure(folder: Path, name: str) -> Counted:
    """Let an hour with traffic pass, and an hour without."""
    path = folder / "payload"
    append(path, _requests(NOON - WINDOW))
    with SmallWorkspace(folder / "workspace") as small:
        small.control.register_table(TABLE, path.as_uri())
        small.control.fault(f"/api/2.0/serving-endpoints/{NAME}", status=200, body=ENDPOINT)
        small.control.fault(f"/api/2.0/serving-endpoints/{NAME}/metrics", status=200, body="request_count_total 5\n")
        table, reader = READERS[name]
        settings = _settings(folder, small, table.format(path=path), reader)
        store = _store(settings, folder)
        world = build_world(settings, folder / "scratch")
        loops = list(rounds(settings, world, store, Metrics()))
        try:
            return _lived(small, loops, path)
        finally:
            store.close()


def _lived(small: SmallWorkspace, loops: Sequence[Round], path: Path) -> Counted:
    (watch,) = (one for one in loops if one.loop == "watch")
    found, settle = Counted(), watch.after or timedelta()
    written, looked = NOON, None
    for now in _times(watch, NOON + settle, NOON + HOUR + settle):
        while written + WINDOW <= now:
            append(path, _requests(written))
            written += WINDOW
        asked = _asked(small, watch, now)
        statements = asked[f"POST {STATEMENTS}"]
        settled = (now - settle - NOON) // WINDOW
        if looked is None:
            found.first.append(asked.total())
        elif settled > looked:
            found.new.append(asked.total())
            found.statements_new += statements
        else:
            found.same.append(asked.total())
            found.statements_same += statements
        looked = settled
    begin = NOON + 3 * HOUR + settle
    _asked(small, watch, begin)
    for loop in loops:
        for now in _times(loop, begin + timedelta(seconds=1), begin + HOUR):
            found.idle += _asked(small, loop, now)
    return found


def _times(loop: Round, since: datetime, until: datetime) -> Iterator[datetime]:
    """Yield when the schedule has it go round, without its jitter."""
    offset = loop.after or timedelta()
    now = since + (offset - (since - datetime(1970, 1, 1, tzinfo=UTC))) % loop.every
    while now <= until:
        yield now
        now += loop.every


def _asked(small: SmallWorkspace, loop: Round, now: datetime) -> Counter[str]:
    small.control.record()
    loop.work(now)
    return Counter(f"{one['method']} {one['path']}" for one in small.control.requests())


def _requests(start: datetime) -> list[LoggedRequest]:
    bodies = traffic.payloads(ROWS, seed=start.minute)
    return [
        LoggedRequest(f"{start:%d%H%M}-{i}", start + i * WINDOW / ROWS, ms=10 + i % 50, request=q, response=a)
        for i, (q, a) in enumerate(bodies)
    ]


def _settings(folder: Path, small: SmallWorkspace, table: str, reader: str) -> Settings:
    workspace = small.settings.model_copy(update={"served_entities_table": None})
    return Settings(
        workspace=workspace,
        mlflow=Mlflow(tracking_uri="http://127.0.0.1:9"),
        store=StoreSettings(url=f"sqlite:///{folder}/mlsteward.db"),
        safety=Safety(kill_file=folder / "stop"),
        endpoints=(EndpointSettings.model_validate({"name": NAME, "table": table, "model": MODEL, "reader": reader}),),
    )


def _store(settings: Settings, folder: Path) -> Store:
    store = Store.open(settings.store)
    reference = traffic.write(folder / "reference.tsv", BASELINE_ROWS, seed=1)
    with store.begin() as tx:
        baselines.save(tx, baseline_of(str(reference)))
        endpoints.learn(tx, NAME, "entity", MODEL, 1, NOON - HOUR)
    return store


def _as_json(one: Counted) -> dict[str, Any]:
    return {
        "first_look": one.first,
        "looks_with_new_data": one.new,
        "looks_without": one.same,
        "statements_of_looks_with_new_data": one.statements_new,
        "statements_of_looks_without": one.statements_same,
        "idle_hour": dict(one.idle),
    }


def shown(found: dict[str, Counted]) -> Table:
    made = Table(title=f"Requests to the workspace, one endpoint (aim: {AIM_A_LOOK} a look at most)")
    made.add_column("reader", no_wrap=True)
    for heading in ("first look", "new data", "no data", "idle hour", "SQL: new", "SQL: none", "SQL: idle"):
        made.add_column(heading, justify="right")
    for name, one in found.items():
        most = [str(max(numbers, default=0)) for numbers in (one.first, one.new, one.same)]
        idle, statements = str(one.idle.total()), f"{one.statements_new} in {len(one.new)}"
        without = f"{one.statements_same} in {len(one.same)}"
        made.add_row(name, *most, idle, statements, without, str(one.idle_statements))
    return made


if __name__ == "__main__":
    main()
