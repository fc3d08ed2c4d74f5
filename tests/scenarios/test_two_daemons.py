"""Two daemons on one PostgreSQL: one acts, and whatever becomes of it, nothing is done twice."""

import re
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Thread
from typing import Any

import psycopg
import pytest
from mlflow import MlflowClient

from daemon.config.settings import Store as StoreSettings
from daemon.domain.event import Event
from daemon.domain.remediation import Remediation, Remedy, Standing, State, VersionVerdict, new_id
from daemon.store import endpoints, events, findings, lease, remediations, verdicts
from daemon.store.engine import Store
from playground.process import Playground
from tests.postgres import Postgres, psycopg_url
from tests.remediate.stories import ERRORS, firing, proposal
from tests.scenarios.process import TINY, Daemon

ENDPOINT = "flight-delay"
LOST = 75
PATIENCE_S = 240.0


@pytest.fixture(scope="module")
def box(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Playground]:
    with Playground(tmp_path_factory.mktemp("two-daemons")) as started:
        yield started


@pytest.fixture
def store(postgres_url: str) -> Iterator[Store]:
    opened = Store.open(StoreSettings(url=postgres_url))
    yield opened
    opened.close()


class Host(Daemon):
    """Waited for with much patience: several of them start at once."""

    def wait(self, what: str, done: Callable[[], bool], seconds: float = PATIENCE_S) -> None:
        super().wait(what, done, max(seconds, PATIENCE_S))


class Pair:
    """Two hosts with the same configuration."""

    def __init__(self, box: Playground, folder: Path, url: str, ttl: str) -> None:
        self._box, self._folder, self._url, self._ttl = box, folder, url, ttl

    def daemon(self, name: str, **environment: str) -> Host:
        folder = self._folder / name
        folder.mkdir()
        return Host(folder, self._config(), TEST_TOKEN=self._box.address.token, **environment)

    def _config(self) -> str:
        address = self._box.address
        known = address.endpoints[ENDPOINT]
        text = TINY.format(
            host=address.host, mlflow=address.mlflow, served_entities_table=address.served_entities_table
        )
        # the findings are told to the store: looks that find nothing must not end them
        text = text.replace('interval = "1s"', 'interval = "1h"')
        text = text.replace('url = "sqlite:///mlsteward.db"', f'url = "{self._url}"\nlease = "{self._ttl}"')
        return text + (
            f'[safety]\nkill_file = "KILL"\n[[endpoints]]\nname = "{ENDPOINT}"\ntable = "{known.table}"\n'
            f'model = "{known.registered_model}"\nmode.rollback = "auto"\n'
        )


@pytest.fixture
def pair(box: Playground, tmp_path: Path, postgres_url: str) -> Pair:
    return Pair(box, tmp_path, postgres_url, "8s")


@pytest.fixture
def patient(box: Playground, tmp_path: Path, postgres_url: str) -> Pair:
    """A pair that would wait for longer than any test does."""
    return Pair(box, tmp_path, postgres_url, "10m")


def leads(daemon: Daemon) -> bool:
    return daemon.metric("mlsteward_leads") == 1


def epoch(store: Store) -> int:
    with store.read() as tx:
        found = lease.holder(tx)
    return found.epoch if found else 0


def told(store: Store, kind: str) -> list[Event]:
    with store.read() as tx:
        return [e for e in events.history(tx, limit=500) if e.kind == kind]


def effects(box: Playground, *, after: int = 0) -> list[dict[str, Any]]:
    return [one for one in box.control.effects(after=after) if ENDPOINT in one["path"]]


@contextmanager
def systemd(path: Path) -> Iterator[list[str]]:
    """Hear what a daemon says to systemd."""
    said: list[str] = []
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as end:
        end.bind(str(path))

        def listen() -> None:
            while message := end.recv(4096).decode():
                said.append(message)

        thread = Thread(target=listen)
        thread.start()
        yield said
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as last:
            last.sendto(b"", str(path))
        thread.join()


def test_the_second_stands_by_and_takes_over_where_the_first_is_killed(
    pair: Pair, store: Store, tmp_path: Path
) -> None:
    with pair.daemon("a") as first, systemd(tmp_path / "notify") as said:
        first.wait("the first to lead", lambda: leads(first))
        with pair.daemon("b", NOTIFY_SOCKET=str(tmp_path / "notify")) as second:
            second.wait("READY", lambda: "READY=1" in said)
            assert any(s.startswith("STATUS=this daemon stands by: ") and s.endswith(" leads") for s in said)
            assert not leads(second)
            assert second.get("/healthz") == (200, "ok")
            status, page = second.get("/readyz")
            assert status == 503
            assert "stands by" in page
            assert second.metric("mlsteward_cycles_total") is None
            assert first.get("/healthz")[0] == 200

            first.process.kill()
            first.process.wait()
            second.wait("the second to lead", lambda: leads(second))
            second.wait("a look", lambda: second.get("/readyz") == (200, "ok"))
            assert epoch(store) == 2
            (taken_over,) = told(store, "lease.taken_over")
            assert "took over from" in taken_over.sentence

            again = Host(first.folder, first.config.read_text(), TEST_TOKEN=pair._box.address.token)
            again.log = first.folder / "again.log"
            with again:
                assert again.get("/readyz")[0] == 503
                assert not leads(again)
                assert second.stop() == 0


def test_where_the_first_is_stopped_the_second_takes_over_at_once(patient: Pair, store: Store) -> None:
    with patient.daemon("a") as first:
        first.wait("the first to lead", lambda: leads(first))
        with patient.daemon("b") as second:
            assert first.stop() == 0
            second.wait("the second to lead", lambda: leads(second))
            assert epoch(store) == 2
            assert told(store, "lease.taken_over") == []
            assert second.stop() == 0
    assert epoch(store) == 0


def test_a_standby_outlives_its_database(pair: Pair, postgres: Postgres) -> None:
    with pair.daemon("a") as first:
        first.wait("the first to lead", lambda: leads(first))
        with pair.daemon("b") as second:
            with postgres.away():
                assert first.process.wait(PATIENCE_S) == LOST
                second.wait("the standby to notice", lambda: "stands by: PostgreSQL" in second.get("/readyz")[1])
                with pair.daemon("c") as third:
                    assert third.get("/readyz")[0] == 503
            second.wait("one to lead", lambda: leads(second))
            assert second.stop() == 0


def test_a_leader_that_was_frozen_past_its_lease_ends_when_it_wakes(pair: Pair, box: Playground, store: Store) -> None:
    before = len(box.control.effects())
    with pair.daemon("a") as first:
        first.wait("the first to lead", lambda: leads(first))
        with pair.daemon("b") as second:
            assert threads_that_hear_the_alarm(first) == []
            first.process.send_signal(signal.SIGSTOP)
            second.wait("the second to lead", lambda: leads(second))
            first.process.send_signal(signal.SIGCONT)
            assert first.process.wait(PATIENCE_S) == LOST
            assert second.ended is None
            assert second.stop() == 0
    assert effects(box, after=before) == []
    assert "the lease is lost" in first.log.read_text()


def test_a_leader_frozen_between_the_counted_call_and_its_sending_sends_nothing_when_it_wakes(
    pair: Pair, box: Playground, store: Store
) -> None:
    one = to_be_rolled_back(box, store)
    before = len(box.control.effects())
    with pair.daemon("a", MLSTEWARD_FAILPOINT="before_call=stop") as first:
        first.wait("the counted call", lambda: calls(store, one) == [1])
        with pair.daemon("b") as second:
            second.wait("the second to lead", lambda: leads(second))
            second.wait("it to look", lambda: state(store, one) is State.INDETERMINATE)
            first.process.send_signal(signal.SIGCONT)
            assert first.process.wait(PATIENCE_S) == LOST
            assert effects(box, after=before) == []
            second.wait("the rollback", lambda: state(store, one) is State.VERIFYING)
            assert second.stop() == 0
    assert [(e["method"], e["status"]) for e in effects(box, after=before)] == [("PUT", 200)]
    assert calls(store, one)[0] == 2


def test_after_a_take_over_nothing_is_sent_until_nothing_of_the_old_one_can_be_under_way(
    pair: Pair, box: Playground, store: Store
) -> None:
    with pair.daemon("a") as first:
        first.wait("the first to lead", lambda: leads(first))
        with pair.daemon("b") as second:
            first.process.kill()
            one = to_be_rolled_back(box, store)
            before = len(box.control.effects())
            second.wait("the rollback", lambda: state(store, one) is State.VERIFYING)
            assert second.stop() == 0
    (sent,) = effects(box, after=before)
    (taken_over,) = told(store, "lease.taken_over")
    ttl_and_settle = timedelta(seconds=8 + 5)
    assert datetime.fromisoformat(sent["time"]) - taken_over.at > ttl_and_settle - timedelta(seconds=2)


def test_one_that_took_the_lease_and_cannot_begin_yet_begins_later(patient: Pair, postgres_url: str) -> None:
    with patient.daemon("a") as first:
        first.wait("the first to lead", lambda: leads(first))
        with patient.daemon("b") as second, psycopg.connect(psycopg_url(postgres_url)) as locked:
            locked.execute("LOCK TABLE mlsteward_version")
            assert first.stop() == 0
            second.wait("it to fail", lambda: "lock timeout" in second.get("/readyz")[1])
            assert not leads(second)
            locked.rollback()
            second.wait("the second to lead", lambda: leads(second))
            assert second.stop() == 0


def threads_that_hear_the_alarm(daemon: Daemon) -> list[str]:
    """Whichever thread heard it would end the process, in no words of its own."""
    found = [task.joinpath("status").read_text() for task in Path(f"/proc/{daemon.process.pid}/task").iterdir()]
    blocked = {text: int(re.search(r"SigBlk:\s*(\w+)", text)[1], 16) for text in found}  # type: ignore[index]
    return [text for text, signals in blocked.items() if not signals >> (signal.SIGALRM - 1) & 1]


def to_be_rolled_back(box: Playground, store: Store) -> Remediation:
    """Deploy version 2, and let the store know that it fires and that version 1 was good."""
    address, now = box.address, datetime.now(UTC)
    model = address.endpoints[ENDPOINT].registered_model
    registry = MlflowClient(address.mlflow)
    bad = int(registry.copy_model_version(f"models:/{model}/1", model).version)
    registry.set_registered_model_alias(model, "champion", str(bad))
    box.control.deploy(ENDPOINT, bad)
    one = replace(
        proposal(Remedy.ROLLBACK, now),
        id=new_id(ENDPOINT, Remedy.ROLLBACK, now),
        endpoint=ENDPOINT,
        model=model,
        from_version=bad,
        to_version=1,
    )
    with store.begin() as tx:
        endpoints.save_watermark(tx, ENDPOINT, now)
        findings.save(tx, [firing(ERRORS, endpoint=ENDPOINT, version=bad, end=now)])
        verdicts.set_standing(tx, VersionVerdict(ENDPOINT, model, 1, Standing.GOOD, "so told", now))
        assert remediations.propose(tx, one)
    return one


def state(store: Store, one: Remediation) -> State | None:
    with store.read() as tx:
        found = remediations.get(tx, one.id)
    return found.state if found else None


def calls(store: Store, one: Remediation) -> list[int]:
    with store.read() as tx:
        return [step.calls for step in remediations.steps(tx, one.id)]
