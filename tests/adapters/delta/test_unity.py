"""Tables by name: their files are found by Unity Catalog, and read with what it lends for an hour."""

import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from daemon.adapters.databricks import DatabricksClient
from daemon.adapters.databricks.catalog import CREDENTIALS, TABLES, UnityCatalog
from daemon.adapters.delta import UnityTable
from daemon.adapters.tables import TableLog
from daemon.config.fields import Secret
from daemon.config.settings import Workspace
from daemon.domain.table_name import TableName
from daemon.domain.window import Window
from daemon.ports import PlatformError
from tests.adapters.delta.tables import write
from tests.adapters.local_server import Answer, LocalServer
from tests.fakes import LoggedRequest

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
WINDOW = Window(NOON, NOON + timedelta(minutes=15))
NAME = TableName("main", "it's-ml", "flights_payload")
SHOWN = f"{TABLES}/main.it%27s-ml.flights_payload"


@pytest.fixture
def token(tmp_path: Path) -> Path:
    path = tmp_path / "token"
    path.write_text("dapi-first")
    return path


@pytest.fixture
def log(server: LocalServer, token: Path) -> TableLog:
    patience = timedelta(seconds=20)
    settings = Workspace(host=server.url, token=Secret(file=token), timeout=patience, retry_for=patience)
    catalog = UnityCatalog(DatabricksClient(settings, pauses=(0.0, 0.0)))
    return TableLog(UnityTable(NAME, catalog), served=None, endpoint="flights")


@pytest.fixture
def path(tmp_path: Path, server: LocalServer) -> Path:
    path = tmp_path / "t"
    write(path, [LoggedRequest(f"r{n}", NOON) for n in range(5)])
    server.on("GET", SHOWN, Answer({"table_id": "id-1", "storage_location": path.as_uri(), "columns": []}))
    server.on("POST", CREDENTIALS, lends())
    return path


def lends(seconds: float = 3600, **credentials: Any) -> Answer:
    return Answer({**credentials, "expiration_time": int((time.time() + seconds) * 1000)})


def count(log: TableLog) -> int:
    return sum(c.requests for c in log.health([WINDOW]))


def refused(log: TableLog) -> PlatformError:
    with pytest.raises(PlatformError) as caught:
        count(log)
    return caught.value


def test_credentials_to_read_are_asked_for_once_while_they_last(server: LocalServer, log: TableLog, path: Path) -> None:
    assert count(log) == 5
    write(path, [LoggedRequest("later", NOON)])
    assert count(log) == 6
    (asked,) = server.to(CREDENTIALS)
    assert asked.json == {"table_id": "id-1", "operation": "READ"}
    assert asked.headers["authorization"] == "Bearer dapi-first"


def test_credentials_are_renewed_before_they_end_with_the_token_of_that_time(
    server: LocalServer, log: TableLog, path: Path, token: Path
) -> None:
    server.on("POST", CREDENTIALS, lends(299), lends(301))
    assert count(log) == 5

    def only_new(asked: Any) -> Answer:
        known = asked.headers["authorization"] == "Bearer dapi-new"
        shown = {"table_id": "id-1", "storage_location": path.as_uri()}
        return Answer(shown) if known else Answer({"message": "Token expired"}, 403)

    server.on("GET", SHOWN, only_new)
    token.write_text("dapi-new")
    assert count(log) == 5
    assert [asked.headers["authorization"] for asked in server.to(CREDENTIALS)] == [
        "Bearer dapi-first",
        "Bearer dapi-new",
    ]
    assert count(log) == 5
    assert len(server.to(CREDENTIALS)) == 2


def test_a_table_that_is_not_there_yet_may_come(server: LocalServer, log: TableLog) -> None:
    server.on("GET", SHOWN, Answer({"error_code": "TABLE_DOES_NOT_EXIST", "message": "no such table"}, 404))
    error = refused(log)
    assert not error.permanent
    server.on("GET", SHOWN, Answer({"error_code": "RESOURCE_DOES_NOT_EXIST", "message": "no such table"}, 404))
    error = refused(log)
    assert error.missing and not error.permanent
    assert "main.it's-ml.flights_payload is no table that the daemon's principal sees" in str(error)


def test_a_view_has_no_files(server: LocalServer, log: TableLog) -> None:
    server.on("GET", SHOWN, Answer({"table_id": "id-1", "columns": []}))
    error = refused(log)
    assert error.permanent
    assert 'set reader = "warehouse"' in str(error)


def test_whoever_may_not_borrow_is_told_what_to_grant(server: LocalServer, log: TableLog, path: Path) -> None:
    server.on(
        "POST", CREDENTIALS, Answer({"error_code": "PERMISSION_DENIED", "message": "no EXTERNAL USE SCHEMA"}, 403)
    )
    error = refused(log)
    assert error.permanent
    assert "grant EXTERNAL USE SCHEMA" in str(error) and 'or set reader = "warehouse"' in str(error)


def test_what_google_lends_is_not_taken(server: LocalServer, log: TableLog, path: Path) -> None:
    server.on("POST", CREDENTIALS, lends(gcp_oauth_token={"oauth_token": "ya29"}))
    error = refused(log)
    assert error.permanent
    assert 'lies at Google, whose tokens the Delta reader does not take: set reader = "warehouse"' in str(error)
    assert "ya29" not in str(error)


@pytest.mark.parametrize(
    ("lent", "options"),
    [
        (
            {"aws_temp_credentials": {"access_key_id": "k", "secret_access_key": "s", "session_token": "t"}},
            {"AWS_ACCESS_KEY_ID": "k", "AWS_SECRET_ACCESS_KEY": "s", "AWS_SESSION_TOKEN": "t"},
        ),
        ({"azure_user_delegation_sas": {"sas_token": "sig=1"}}, {"AZURE_STORAGE_SAS_TOKEN": "sig=1"}),
        ({}, {}),
    ],
)
def test_what_is_lent_becomes_storage_options_and_is_not_shown(
    server: LocalServer, token: Path, lent: dict[str, Any], options: dict[str, str]
) -> None:
    server.on("POST", CREDENTIALS, lends(**lent))
    catalog = UnityCatalog(DatabricksClient(Workspace(host=server.url, token=Secret(file=token))))
    found = catalog.lend("id-1", name=NAME)
    assert found.options == options
    assert "sig=1" not in repr(found)
