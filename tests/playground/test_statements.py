"""The warehouse and the catalog of the box, through the real SDK: states, chunks, links, and what is counted."""

import re
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa
import pytest
import urllib3
from databricks.sdk import WorkspaceClient
from databricks.sdk.core import Config
from databricks.sdk.errors import BadRequest, NotFound
from databricks.sdk.service.sql import Disposition, Format, State, StatementParameterListItem, StatementState

from playground.warehouse import WAREHOUSE_ID
from tests.adapters.delta.tables import write
from tests.fakes import LoggedRequest
from tests.small_workspace import SmallWorkspace

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
HTTP = urllib3.PoolManager(retries=False)


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SmallWorkspace]:
    root = tmp_path_factory.mktemp("workspace")
    write(root / "t", [LoggedRequest(f"r{n}", NOON + timedelta(seconds=n)) for n in range(100)])
    with SmallWorkspace(root) as running:
        running.control.register_table("main.ml.t", (root / "t").as_uri())
        running.control.set_warehouse(chunk_rows=40)
        yield running


@pytest.fixture(scope="module")
def sdk(small: SmallWorkspace) -> WorkspaceClient:
    config = Config(host=small.host, token=small.token, http_timeout_seconds=20, retry_timeout_seconds=2)
    return WorkspaceClient(config=config)


def execute(sdk: WorkspaceClient, sql: str, **about: Any) -> Any:
    given: dict[str, Any] = {
        "disposition": Disposition.EXTERNAL_LINKS,
        "format": Format.ARROW_STREAM,
        "wait_timeout": "10s",
    } | about
    return sdk.statement_execution.execute_statement(sql, WAREHOUSE_ID, **given)


def ids(content: bytes) -> list[str]:
    with pa.ipc.open_stream(content) as reader:
        found: list[str] = reader.read_all()["id"].to_pylist()
        return found


SELECT = "SELECT databricks_request_id AS id FROM main.ml.t ORDER BY request_time"


def test_a_result_comes_in_chunks_each_behind_a_link(small: SmallWorkspace, sdk: WorkspaceClient) -> None:
    done = execute(sdk, SELECT)
    assert done.status.state is StatementState.SUCCEEDED
    assert (done.manifest.total_chunk_count, done.manifest.total_row_count, done.manifest.truncated) == (3, 100, False)
    found: list[str] = []
    links = done.result.external_links
    while links:
        (link,) = links
        assert link.row_offset == len(found)
        fetched = HTTP.request("GET", link.external_link, headers=link.http_headers)
        assert fetched.status == 200
        assert len(ids(fetched.data)) == link.row_count
        found += ids(fetched.data)
        following = link.next_chunk_internal_link
        answer = sdk.api_client.do("GET", following) if following else {}
        assert isinstance(answer, dict)
        links = type(done.result).from_dict(answer).external_links
    assert found == [f"r{n}" for n in range(100)]


def test_a_link_refuses_a_token_a_missing_header_and_lateness(small: SmallWorkspace, sdk: WorkspaceClient) -> None:
    (link,) = execute(sdk, SELECT).result.external_links
    signed = dict(link.http_headers)
    assert HTTP.request("GET", link.external_link, headers=signed | {"Authorization": "Bearer x"}).status == 400
    assert HTTP.request("GET", link.external_link).status == 403
    small.control.set_warehouse(link_seconds=-1)
    (late,) = execute(sdk, SELECT).result.external_links
    small.control.set_warehouse(link_seconds=900)
    assert HTTP.request("GET", late.external_link, headers=signed).status == 403


def test_small_results_may_come_with_the_answer(sdk: WorkspaceClient) -> None:
    inline = {"disposition": Disposition.INLINE, "format": Format.JSON_ARRAY}
    done = execute(
        sdk, "SELECT :a AS a, NULL AS b", parameters=[StatementParameterListItem("a", value="it's")], **inline
    )
    assert done.result.data_array == [["it's", None]]
    with pytest.raises(BadRequest, match="INLINE"):
        execute(sdk, "SELECT 1", disposition=Disposition.INLINE)


def test_the_first_chunk_of_a_hybrid_result_comes_with_the_answer_and_the_daemon_reads_it(
    small: SmallWorkspace,
) -> None:
    from daemon.adapters.tables.dialect import Question

    for disposition in ("INLINE_OR_EXTERNAL_LINKS", "EXTERNAL_LINKS"):
        answer = small.table("main.ml.t", disposition=disposition).query(Question(SELECT))
        assert answer.column("id").to_pylist() == [f"r{n}" for n in range(100)]


@pytest.mark.parametrize(
    ("sql", "words"),
    [
        ("SELECT * FROM main.ml.none", r"\[TABLE_OR_VIEW_NOT_FOUND\]"),
        ("SELECT nothing FROM main.ml.t", "nothing"),
        ("SELECT (", r"\[PARSE_SYNTAX_ERROR\]"),
    ],
)
def test_a_statement_that_fails_is_an_answer(sdk: WorkspaceClient, sql: str, words: str) -> None:
    done = execute(sdk, sql)
    assert done.status.state is StatementState.FAILED
    assert re.search(words, done.status.error.message)
    assert done.result is None


def test_a_warehouse_that_sleeps_is_woken_by_a_statement_and_takes_a_while(
    small: SmallWorkspace, sdk: WorkspaceClient
) -> None:
    sdk.warehouses.stop(WAREHOUSE_ID)
    assert sdk.warehouses.get(WAREHOUSE_ID).state is State.STOPPED
    small.control.set_warehouse(start_seconds=3600)
    asleep = execute(sdk, SELECT, wait_timeout="0s")
    assert asleep.status.state is StatementState.PENDING
    assert sdk.warehouses.get(WAREHOUSE_ID).state is State.STARTING
    sdk.statement_execution.cancel_execution(asleep.statement_id)
    ended = sdk.statement_execution.get_statement(asleep.statement_id).status
    assert ended is not None and ended.state is StatementState.CANCELED
    sdk.warehouses.stop(WAREHOUSE_ID)
    small.control.set_warehouse(start_seconds=0)
    sdk.warehouses.start(WAREHOUSE_ID)
    assert execute(sdk, SELECT).status.state is StatementState.SUCCEEDED
    assert sdk.warehouses.get(WAREHOUSE_ID).state is State.RUNNING


def test_every_statement_is_counted(small: SmallWorkspace, sdk: WorkspaceClient) -> None:
    before = small.control.statements()
    sent = execute(sdk, "SELECT :n AS n", parameters=[StatementParameterListItem("n", value="1")])
    (new,) = small.control.statements()[len(before) :]
    assert new == {"id": sent.statement_id, "sql": "SELECT :n AS n", "parameters": {"n": "1"}, "state": "SUCCEEDED"}


def test_what_is_not_there_is_refused(sdk: WorkspaceClient) -> None:
    with pytest.raises(NotFound):
        sdk.warehouses.get("none")
    with pytest.raises(NotFound):
        sdk.statement_execution.get_statement("none")
    with pytest.raises(NotFound):
        sdk.tables.get("main.ml.none")
    assert not sdk.tables.exists("main.ml.none").table_exists


def test_the_catalog_knows_columns_and_lends_credentials(small: SmallWorkspace, sdk: WorkspaceClient) -> None:
    from databricks.sdk.service.catalog import TableOperation

    shown = sdk.tables.get("main.ml.t")
    kinds = {column.name: column.type_text for column in shown.columns or []}
    assert kinds["request_time"] == "timestamp" and kinds["execution_duration_ms"] == "bigint"
    assert kinds["logging_error_codes"] == "array<string>" and kinds["request_date"] == "date"
    small.control.set_warehouse(credentials={"aws_temp_credentials": {"access_key_id": "key"}})
    lent = sdk.temporary_table_credentials.generate_temporary_table_credentials(
        table_id=shown.table_id, operation=TableOperation.READ
    )
    assert lent.aws_temp_credentials and lent.aws_temp_credentials.access_key_id == "key"
    assert (lent.expiration_time or 0) / 1000 > time.time() + 1800
    assert small.control.lent()[-1] == "main.ml.t"
    assert sdk.tables.get("system.serving.served_entities").table_type
