"""The fence at the socket: where it stands, what would change something does not leave, and what only looks does."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from daemon.adapters.databricks import DatabricksClient, DatabricksJobs, DatabricksServing
from daemon.config.fields import Secret
from daemon.config.settings import Workspace
from daemon.domain.serving import ServedEntity
from daemon.ports import PlatformError
from tests.adapters.local_server import Answer, Asked, LocalServer, Reply

if TYPE_CHECKING:
    from daemon.adapters.databricks.connection import Connection

ENDPOINT = "/api/2.0/serving-endpoints/flights"
CONFIG = f"{ENDPOINT}/config"
RUN_NOW = "/api/2.2/jobs/run-now"
INVOCATIONS = "/serving-endpoints/flights/served-models/model-1/invocations"
ENTITY = ServedEntity("model-1", "model", 1, 100)


class Gate:
    """Lets so many requests through, and then none."""

    def __init__(self, opens: int) -> None:
        self.opens, self.asked, self.within = opens, 0, 0

    @contextmanager
    def __call__(self) -> Iterator[None]:
        self.asked += 1
        if self.asked > self.opens:
            raise PlatformError("nothing was sent: the gate is closed", permanent=False)
        self.within += 1
        yield
        self.within -= 1


def client(server: LocalServer, token: Path, gate: Gate) -> DatabricksClient:
    patience = timedelta(seconds=20)
    settings = Workspace(host=server.url, token=Secret(file=token), timeout=patience, retry_for=patience)
    return DatabricksClient(settings, fence=gate)


def changed(server: LocalServer) -> list[str]:
    return [f"{asked.method} {asked.path}" for asked in server.asked if asked.method != "GET"]


@pytest.mark.parametrize("what", ["update", "query", "start"])
def test_nothing_that_changes_something_leaves(server: LocalServer, token: Path, what: str) -> None:
    closed = client(server, token, Gate(0))
    server.on("GET", "/api/2.2/jobs/get", Answer({}))
    call: Callable[[], object] = {
        "update": lambda: DatabricksServing(closed).update("flights", [ENTITY]),
        "query": lambda: DatabricksServing(closed).query("flights", "model-1", {}),
        "start": lambda: DatabricksJobs(closed).start(7, {}, token="once"),
    }[what]
    with pytest.raises(PlatformError, match=r"^nothing was sent: the gate is closed$") as held:
        call()
    assert not held.value.permanent
    assert changed(server) == []


def test_looking_goes_on(server: LocalServer, token: Path) -> None:
    server.on("GET", ENDPOINT, Answer({"state": {"ready": "READY", "config_update": "NOT_UPDATING"}}))
    gate = Gate(0)
    assert DatabricksServing(client(server, token, gate)).state("flights").ready
    assert gate.asked == 0


def test_all_leaves_where_it_is_open_and_it_stays_open_until_the_answer(server: LocalServer, token: Path) -> None:
    gate = Gate(3)
    within: list[int] = []

    def answer(body: object) -> Reply:
        def reply(_: Asked) -> Answer:
            within.append(gate.within)
            return Answer(body)

        return reply

    server.on("PUT", CONFIG, answer({}))
    server.on("GET", "/api/2.2/jobs/get", Answer({}))
    server.on("POST", RUN_NOW, answer({"run_id": 11}))
    server.on("POST", INVOCATIONS, answer({"predictions": [1]}))
    opened = client(server, token, gate)
    DatabricksServing(opened).update("flights", [ENTITY])
    assert DatabricksJobs(opened).start(7, {}, token="once") == 11
    assert DatabricksServing(opened).query("flights", "model-1", {})[0] == 200
    assert within == [1, 1, 1]


@pytest.mark.parametrize(("opens", "arrive"), [(1, 1), (2, 2)])
def test_what_the_sdk_sends_again_by_itself_is_asked_again(
    server: LocalServer, token: Path, opens: int, arrive: int
) -> None:
    again = Answer({"message": "later"}, 503, {"Retry-After": "1"})
    server.on("PUT", CONFIG, again, Answer())
    sdk = connected(server, token, Gate(opens)).api
    with nullcontext() if arrive == 2 else pytest.raises(PlatformError, match="the gate is closed"):
        sdk.do("PUT", CONFIG, body={"served_entities": []})
    assert changed(server) == [f"PUT {CONFIG}"] * arrive


def test_it_stands_before_encrypted_connections_too(server: LocalServer, token: Path) -> None:
    made = connected(server, token, Gate(0))
    for session in (made.api._api_client._session, made.session):
        with pytest.raises(PlatformError, match="the gate is closed"):
            session.put("https://127.0.0.1:9/nowhere")


def connected(server: LocalServer, token: Path, gate: Gate) -> "Connection":
    from daemon.adapters.databricks import connection

    settings = Workspace(host=server.url, token=Secret(file=token))
    return connection.connect(settings, token.read_text().strip(), gate)


@pytest.mark.parametrize(
    ("path", "passes"),
    [
        ("/api/2.0/sql/statements", True),
        ("/api/2.0/sql/statements/01ef-23/cancel", True),
        ("/api/2.0/unity-catalog/temporary-table-credentials", True),
        ("/api/2.0/sql/statements/01ef-23", False),
        ("/api/2.0/sql/statements/01ef-23/cancel/x", False),
        ("/api/2.0/sql/warehouses/w1/start", False),
        ("/api/2.0/sql/statements/../../2.2/jobs/run-now", False),
    ],
)
def test_a_question_is_asked_by_post_and_passes_and_nothing_beside_it(
    server: LocalServer, token: Path, path: str, passes: bool
) -> None:
    server.on("POST", path, Answer({"fine": True}))
    closed = client(server, token, Gate(0))
    with nullcontext() if passes else pytest.raises(PlatformError, match="the gate is closed"):
        assert closed.ask(path, {"a": 1}, lambda answer: answer["fine"], what="ask")
    assert len(changed(server)) == passes
