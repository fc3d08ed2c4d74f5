import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from threading import Barrier
from typing import Any

import pytest

from daemon.adapters.databricks import DatabricksClient
from daemon.config.fields import Secret
from daemon.config.settings import Workspace
from daemon.ports import PlatformError
from tests.adapters.databricks.conftest import TOKEN, ClientOf
from tests.adapters.local_server import Answer, Asked, LocalServer

PATH = "/api/2.0/thing"
METADATA = "/.well-known/databricks-config"
GOOD = Answer({"answer": 42})
NOWHERE = "http://127.0.0.1:9"
LONG_SECONDS = 15
"""Far beyond the second that the clients here wait, on a busy machine, and far from what the servers ask for."""


def ask(client: DatabricksClient) -> Any:
    return client.get(PATH, lambda answer: answer["answer"], what="look at the thing")


def refused(client: DatabricksClient) -> PlatformError:
    with pytest.raises(PlatformError) as caught:
        ask(client)
    assert str(caught.value).startswith("could not look at the thing: ")
    assert TOKEN not in str(caught.value)
    return caught.value


def only(token: str, *, status: int = 401, words: str = "Invalid access token.") -> Any:
    """Answer only those who carry the token, and quote the token of the others."""

    def reply(asked: Asked) -> Answer:
        carried = asked.headers["authorization"].removeprefix("Bearer ")
        return GOOD if carried == token else Answer({"message": f"{words} {carried}"}, status)

    return reply


def test_nothing_is_asked_before_the_first_request(server: LocalServer, client_of: ClientOf) -> None:
    client = client_of(server.url)
    assert server.asked == []
    server.on("GET", PATH, GOOD)
    assert ask(client) == 42
    assert [asked.path for asked in server.asked] == [METADATA, PATH]


def test_the_sdk_is_not_even_imported_before_the_first_request() -> None:
    code = (
        "import sys; from daemon.adapters import databricks, mlflow, channels\n"
        "from daemon.config.mlflow import Mlflow\n"
        "from daemon.config.settings import Workspace\n"
        "databricks.DatabricksServing(databricks.DatabricksClient(Workspace()))\n"
        "mlflow.MlflowRegistry(Mlflow())\n"
        "print(sorted({'databricks.sdk', 'mlflow', 'apprise'} & set(sys.modules)))"
    )
    project = Path(__file__).parents[3]
    done = subprocess.run([sys.executable, "-c", code], cwd=project, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_every_request_says_who_asks(server: LocalServer, client: DatabricksClient) -> None:
    server.on("GET", PATH, GOOD)
    ask(client)
    (asked,) = server.to(PATH)
    assert asked.headers["authorization"] == f"Bearer {TOKEN}"
    assert asked.headers["user-agent"].startswith("mlsteward/")
    assert "x-databricks-workspace-id" not in asked.headers


def test_the_workspace_is_named_where_one_host_speaks_for_several(
    server: LocalServer, client: DatabricksClient
) -> None:
    server.on("GET", METADATA, Answer({"workspace_id": "77"}))
    server.on("GET", PATH, GOOD)
    ask(client)
    assert server.to(PATH)[0].headers["x-databricks-workspace-id"] == "77"


def test_threads_share_one_connection(server: LocalServer, client: DatabricksClient) -> None:
    server.on("GET", PATH, GOOD)
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(lambda _: ask(client), range(32))) == [42] * 32
    assert len(server.to(METADATA)) == 1


@pytest.mark.parametrize("status", [401, 403])
def test_a_rotated_token_heals_without_a_restart(
    server: LocalServer, client: DatabricksClient, token: Path, status: int
) -> None:
    server.on("GET", PATH, only(TOKEN, status=status))
    assert ask(client) == 42
    server.on("GET", PATH, only("dapi-new", status=status))
    assert not refused(client).permanent
    token.write_text("dapi-new")
    assert ask(client) == 42
    assert len(server.to(METADATA)) == 2


def test_an_expired_token_is_not_tried_twice_and_not_quoted(server: LocalServer, client: DatabricksClient) -> None:
    server.on("GET", PATH, only("dapi-new", words="Token expired:"))
    error = refused(client)
    assert not error.permanent
    assert "Token expired: ***" in str(error)
    assert "renew the credentials" in str(error)
    assert len(server.to(PATH)) == 1


def test_a_token_that_is_not_there_yet_is_read_once_it_is(
    server: LocalServer, client: DatabricksClient, token: Path
) -> None:
    server.on("GET", PATH, GOOD)
    token.unlink()
    assert f"{token} cannot be read" in str(refused(client))
    token.write_text(TOKEN)
    assert ask(client) == 42


@pytest.mark.parametrize("status", [500, 502, 504])
def test_a_hiccup_is_asked_again(server: LocalServer, client: DatabricksClient, status: int) -> None:
    server.on("GET", PATH, Answer({"message": "oops"}, status), Answer(b"<html>oops</html>", status), GOOD)
    assert ask(client) == 42
    assert len(server.to(PATH)) == 3


def test_trouble_that_stays_is_given_up_and_may_be_tried_later(server: LocalServer, client: DatabricksClient) -> None:
    server.on("GET", PATH, Answer(b"<html>oops</html>", 502))
    error = refused(client)
    assert not error.permanent
    assert "502" in str(error)
    assert len(server.to(PATH)) == 3


@pytest.mark.parametrize(
    "answer",
    [
        Answer({"message": "oops"}, 500),
        Answer({"message": "oops"}, 502),
        Answer({"message": "oops"}, 504),
        Answer({"message": "slow down"}, 429),
        Answer({"message": "not now"}, 503, {"Retry-After": "0"}),
        Answer({"message": "Unexpected error"}, 400),
        Answer(hang=True),
        Answer({"cut off": "in the middle"}, headers={"Content-Length": "1000"}),
    ],
)
@pytest.mark.parametrize("method", ["POST", "PUT"])
def test_what_changes_something_is_sent_once_whatever_becomes_of_it(
    server: LocalServer, client_of: ClientOf, method: str, answer: Answer
) -> None:
    server.on(method, PATH, answer)
    with pytest.raises(PlatformError):
        client_of(server.url, seconds=3).send(method, PATH, {"a": "ü" * 70_000}, lambda _: None, what="do it")
    (asked,) = server.to(PATH)
    assert asked.json == {"a": "ü" * 70_000}
    assert asked.headers["content-type"] == "application/json"


@pytest.mark.parametrize(
    "answer",
    [
        Answer({"message": "slow down"}, 429, {"Retry-After": "3600"}),
        Answer({"message": "not now"}, 503, {"Retry-After": "3600"}),
        Answer(hang=True),
    ],
)
def test_no_server_can_hold_a_worker_for_long(server: LocalServer, impatient: DatabricksClient, answer: Answer) -> None:
    server.on("GET", PATH, answer)
    began = time.monotonic()
    error = refused(impatient)
    assert not error.permanent
    assert not error.missing
    assert time.monotonic() - began < LONG_SECONDS


def test_a_workspace_that_puts_off_its_introduction_holds_no_worker(
    server: LocalServer, impatient: DatabricksClient
) -> None:
    server.on("GET", METADATA, Answer({"message": "not now"}, 503, {"Retry-After": "3600"}))
    began = time.monotonic()
    assert not refused(impatient).permanent
    assert time.monotonic() - began < LONG_SECONDS


def test_a_workspace_that_is_away_may_come_back(client_of: ClientOf) -> None:
    error = refused(client_of(NOWHERE, seconds=1))
    assert not error.permanent
    assert not error.missing


@pytest.mark.parametrize("body", [[1, 2], "words", None, b"garbage", b"<html>log in</html>", {"another": 1}, {}])
def test_an_answer_that_makes_no_sense_is_not_believed(
    server: LocalServer, client: DatabricksClient, body: object
) -> None:
    server.on("GET", PATH, Answer(body))
    error = refused(client)
    assert not error.permanent
    assert not error.missing


def test_an_address_that_is_no_workspace_does_not_make_things_missing(
    server: LocalServer, client: DatabricksClient
) -> None:
    server.on("GET", PATH, Answer(b"<html>not found</html>", 404))
    error = refused(client)
    assert not error.missing
    assert "host" in str(error)


def test_settings_that_lead_nowhere_are_explained(server: LocalServer, tmp_path: Path) -> None:
    error = refused(DatabricksClient(Workspace(host=server.url)))
    assert not error.permanent
    assert "[workspace]" in str(error)


class TestOAuth:
    """A service principal: its tokens come from an identity provider."""

    ISSUER = "/oidc/.well-known/oauth-authorization-server"
    TOKENS = "/oidc/v1/token"

    @pytest.fixture(autouse=True)
    def issuer(self, server: LocalServer) -> None:
        server.on("GET", METADATA, Answer({"oidc_endpoint": f"{server.url}/oidc"}))
        endpoints = {"authorization_endpoint": f"{server.url}/a", "token_endpoint": server.url + self.TOKENS}
        server.on("GET", self.ISSUER, Answer(endpoints))
        server.on("POST", self.TOKENS, self.issued())
        server.on("GET", PATH, only("issued"))

    @pytest.fixture
    def client(self, server: LocalServer, token: Path) -> DatabricksClient:
        return self.client_of(server.url, token, seconds=20)

    @pytest.fixture
    def impatient(self, server: LocalServer, token: Path) -> DatabricksClient:
        return self.client_of(server.url, token, seconds=1)

    def client_of(self, url: str, secret: Path, *, seconds: int) -> DatabricksClient:
        patience = timedelta(seconds=seconds)
        named = Secret(file=secret)
        return DatabricksClient(
            Workspace(host=url, client_id="robot", client_secret=named, timeout=patience, retry_for=patience)
        )

    def issued(self) -> Answer:
        return Answer({"access_token": "issued", "token_type": "Bearer", "expires_in": 3600})

    def test_one_token_serves_many_requests(self, server: LocalServer, client: DatabricksClient) -> None:
        assert [ask(client), ask(client)] == [42, 42]
        assert len(server.to(self.TOKENS)) == 1

    def test_an_identity_provider_that_hangs_holds_no_worker_and_may_come_back(
        self, server: LocalServer, impatient: DatabricksClient
    ) -> None:
        server.on("POST", self.TOKENS, Answer(hang=True))
        for _ in range(2):
            began = time.monotonic()
            assert not refused(impatient).permanent
            assert time.monotonic() - began < LONG_SECONDS
        assert server.to(PATH) == []
        server.on("POST", self.TOKENS, self.issued())
        assert ask(impatient) == 42

    def test_an_identity_provider_that_hangs_holds_one_worker_and_no_other(
        self, server: LocalServer, token: Path
    ) -> None:
        client = self.client_of(server.url, token, seconds=6)
        short = Answer({"access_token": "issued", "token_type": "Bearer", "expires_in": 1})
        server.on("POST", self.TOKENS, short, Answer(hang=True))
        server.on("GET", PATH, GOOD)
        assert ask(client) == 42  # connected, with a token that needs another at once
        together = Barrier(4)

        def took(_: int) -> float:
            together.wait()
            began = time.monotonic()
            assert not refused(client).permanent
            assert not refused(client).permanent
            return time.monotonic() - began

        with ThreadPoolExecutor(4) as pool:
            assert sorted(seconds >= 6 for seconds in pool.map(took, range(4))) == [False, False, False, True]

    def test_a_rotated_secret_heals_without_a_restart(
        self, server: LocalServer, client: DatabricksClient, token: Path
    ) -> None:
        bad = Answer({"error": "invalid_client", "error_description": "bad secret"}, 401)
        server.on("POST", self.TOKENS, bad)
        error = refused(client)
        assert not error.permanent
        assert "bad secret" in str(error)
        server.on("POST", self.TOKENS, bad, self.issued())
        token.write_text("rotated")
        assert ask(client) == 42

    def test_a_workspace_that_does_not_name_its_issuer_is_away(self, token: Path) -> None:
        error = refused(self.client_of(NOWHERE, token, seconds=1))
        assert not error.permanent
        assert "away" in str(error)

    def test_threads_do_not_queue_up_to_fail_one_after_the_other(
        self, server: LocalServer, impatient: DatabricksClient
    ) -> None:
        server.on("GET", METADATA, Answer(hang=True))
        together = Barrier(6)

        def fail(_: int) -> PlatformError:
            together.wait()
            return refused(impatient)

        with ThreadPoolExecutor(6) as pool:
            assert not any(error.permanent for error in pool.map(fail, range(6)))
        assert len(server.to(METADATA)) < 6
