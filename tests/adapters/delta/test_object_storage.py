"""Tables in object storage, on a real S3 server: with the environment's credentials, and with those that are lent."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import urllib3
from deltalake import DeltaTable, write_deltalake
from moto.server import ThreadedMotoServer

from daemon.adapters.databricks import DatabricksClient
from daemon.adapters.databricks.catalog import CREDENTIALS as LENDING
from daemon.adapters.databricks.catalog import SUMMARY, TABLES, UnityCatalog
from daemon.adapters.delta import DeltaLog, UnityTable
from daemon.adapters.tables import TableLog
from daemon.config.fields import Secret
from daemon.config.settings import Workspace
from daemon.domain.sample import Part
from daemon.domain.table_name import TableName
from daemon.domain.window import Window
from daemon.ports import PlatformError
from tests.adapters.delta.tables import write
from tests.adapters.local_server import Answer, LocalServer
from tests.fakes import LoggedRequest

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
WINDOW = Window(NOON, NOON + timedelta(minutes=15))
CREDENTIALS = {"AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "hidden"}
TABLE = "s3://bucket/inference/flights-payload"


@pytest.fixture(scope="module")
def storage() -> Iterator[str]:
    """An S3 server in threads of this process: it answers only as long as a reading lets other threads run."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    url = f"http://{host}:{port}"
    urllib3.PoolManager().request("PUT", f"{url}/bucket")
    yield url
    server.stop()


@pytest.fixture
def table(storage: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A table written with credentials that are gone from the environment by the time it is read."""
    for name, value in {
        "AWS_ENDPOINT_URL": storage,
        "AWS_ALLOW_HTTP": "true",
        "AWS_REGION": "eu-west-1",
        "AWS_EC2_METADATA_DISABLED": "true",
    }.items():
        monkeypatch.setenv(name, value)
    for name in CREDENTIALS:
        monkeypatch.delenv(name, raising=False)
    write(tmp_path / "local", [LoggedRequest(f"r{n}", NOON + timedelta(seconds=n)) for n in range(50)])
    rows = DeltaTable(str(tmp_path / "local")).to_pyarrow_table()
    write_deltalake(TABLE, rows, mode="overwrite", storage_options=CREDENTIALS)
    return TABLE


def test_a_table_is_read_with_the_credentials_of_the_environment(table: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in CREDENTIALS.items():
        monkeypatch.setenv(name, value)
    log = DeltaLog(table, served_entities_table=None, endpoint="flights")
    assert [c.requests for c in log.health([WINDOW])] == [50]
    assert log.sample([Part(WINDOW, "entity", 1.0)], salt="s").count == 50


def test_a_table_is_read_with_the_credentials_that_unity_catalog_lends(
    table: str, server: LocalServer, tmp_path: Path
) -> None:
    """There are none in the environment, and without any nothing is read."""
    (tmp_path / "token").write_text("dapi")
    patience = timedelta(seconds=20)
    workspace = Workspace(host=server.url, token=Secret(file=tmp_path / "token"), timeout=patience, retry_for=patience)
    name = TableName("main", "it's-ml", "flights-payload")
    log = TableLog(UnityTable(name, UnityCatalog(DatabricksClient(workspace))), served=None, endpoint="flights")
    shown = {"table_id": "id-1", "storage_location": table}
    server.on("GET", f"{TABLES}/main.it%27s-ml.flights-payload", Answer(shown))
    lent = {"access_key_id": "lent", "secret_access_key": "hidden", "session_token": "token"}
    ends = int((time.time() + 3600) * 1000)
    server.on("POST", LENDING, Answer({"expiration_time": ends}))
    with pytest.raises(PlatformError) as refused:
        log.health([WINDOW])
    assert not refused.value.missing
    server.on("POST", LENDING, Answer({"aws_temp_credentials": lent, "expiration_time": ends}))
    assert [c.requests for c in log.health([WINDOW])] == [50]
    assert log.sample([Part(WINDOW, "entity", 1.0)], salt="s").count == 50


def test_the_region_is_asked_for_where_the_environment_names_none(
    table: str, server: LocalServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AWS_REGION")
    monkeypatch.delenv("AWS_DEFAULT_REGION", raising=False)
    (tmp_path / "token").write_text("dapi")
    catalog = UnityCatalog(DatabricksClient(Workspace(host=server.url, token=Secret(file=tmp_path / "token"))))
    server.on("GET", f"{TABLES}/a.b.c", Answer({"table_id": "id-1", "storage_location": table}))
    server.on("GET", SUMMARY, Answer({"cloud": "aws", "region": "eu-central-1"}))
    lent = {"access_key_id": "lent", "secret_access_key": "hidden"}
    server.on(
        "POST", LENDING, Answer({"aws_temp_credentials": lent, "expiration_time": int(time.time() * 1000) + 10**7})
    )
    _, options = UnityTable(TableName("a", "b", "c"), catalog)._place()
    assert options is not None and options["AWS_REGION"] == "eu-central-1"


@pytest.mark.parametrize("at_once", [True, False])
def test_what_the_storage_says_of_a_refusal_is_told(
    server: LocalServer, monkeypatch: pytest.MonkeyPatch, at_once: bool
) -> None:
    """Both kinds as S3 and Azure send them: the whole on one line, or in lines."""
    between = b"" if at_once else b"\n  "
    body = between.join(
        [b"<Error>", b"<Code>AccessDenied</Code>", b"<Message>Not yours.\nId: 7</Message>", b"</Error>"]
    )
    server.on("GET", "/bucket", Answer(b'<?xml version="1.0"?>\n' + body, 403))
    for name, value in (CREDENTIALS | {"AWS_ENDPOINT_URL": server.url, "AWS_ALLOW_HTTP": "true"}).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("AWS_REGION", "eu-west-1")
    with pytest.raises(PlatformError) as refused:
        DeltaLog("s3://bucket/t", served_entities_table=None, endpoint="flights").newest(NOON)
    assert refused.value.permanent
    assert str(refused.value).endswith("service principal access (AccessDenied: Not yours.)")
