"""A statement is sent, awaited whatever its state, fetched chunk by chunk; and cancelled where it is given up."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from daemon.adapters.tables.dialect import Question
from daemon.adapters.tables.engine import QuestionError
from daemon.ports import PlatformError
from tests.adapters.local_server import Answer, Asked, LocalServer
from tests.adapters.warehouse.conftest import (
    ID,
    PATH,
    TOKEN,
    Ask,
    attached,
    ipc,
    link,
    rows,
    status,
    succeeded,
)

STATEMENT, CANCEL = f"{PATH}/{ID}", f"{PATH}/{ID}/cancel"
ONE, TWO = rows("x", "y"), rows("z", start=2)
GOOD = [("x", 0), ("y", 1), ("z", 2)]


def told(answer: Any) -> list[tuple[Any, ...]]:
    return list(zip(*(answer.column(name).to_pylist() for name in ("a", "n")), strict=True))


def refused(ask: Ask, **about: Any) -> PlatformError:
    with pytest.raises(PlatformError) as caught:
        ask(**about)
    assert str(caught.value).startswith("could not read main.ml.t: ")
    assert "signature" not in str(caught.value) and TOKEN not in str(caught.value)
    return caught.value


def store(server: LocalServer, *contents: Answer) -> None:
    for index, content in enumerate(contents):
        server.on("GET", f"/storage/{index}", content)


def two_chunks(server: LocalServer) -> Answer:
    store(server, Answer(ipc(ONE)), Answer(ipc(TWO, "lz4")))
    server.on("GET", f"{STATEMENT}/result/chunks/1", Answer({"external_links": [link(server, 1, TWO)]}))
    return succeeded([ONE, TWO], {"external_links": [link(server, 0, ONE, 1)]})


def test_a_statement_goes_out_with_its_parameters_and_is_waited_for_less_than_its_request(
    server: LocalServer, ask: Ask
) -> None:
    server.on("POST", PATH, two_chunks(server))
    assert told(ask()) == GOOD
    (asked,) = server.to(PATH)
    assert asked.json == {
        "warehouse_id": "w1",
        "statement": "SELECT :p0 AS a",
        "parameters": [{"name": "p0", "value": "it's", "type": "STRING"}],
        "disposition": "EXTERNAL_LINKS",
        "format": "ARROW_STREAM",
        "wait_timeout": "10s",
        "on_wait_timeout": "CONTINUE",
    }


def test_a_request_of_little_patience_waits_for_nothing(server: LocalServer, ask: Ask) -> None:
    server.on("POST", PATH, two_chunks(server))
    ask(timeout_seconds=4)
    assert server.to(PATH)[0].json["wait_timeout"] == "0s"


def test_only_what_reads_is_sent(ask: Ask, server: LocalServer) -> None:
    for sql in ("DROP TABLE t", "\n  insert into t values (1)"):
        with pytest.raises(ValueError, match="only what reads"):
            ask(Question(sql))
    assert server.to(PATH) == []


def test_links_are_fetched_with_their_own_headers_and_no_authorization(server: LocalServer, ask: Ask) -> None:
    server.on("POST", PATH, two_chunks(server))
    ask()
    for asked in (*server.to("/storage/0"), *server.to("/storage/1")):
        assert "authorization" not in asked.headers
        assert asked.headers["x-needed"] == "yes"


def test_not_even_a_netrc_authorizes_at_the_storage(
    server: LocalServer, ask: Ask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login somebody password secret\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    server.on("POST", PATH, two_chunks(server))
    assert told(ask()) == GOOD
    assert all("authorization" not in asked.headers for asked in server.to("/storage/0"))


@pytest.mark.parametrize("state", ["PENDING", "RUNNING", "SOMETHING_NEW"])
def test_a_statement_under_way_is_waited_for(server: LocalServer, ask: Ask, state: str) -> None:
    """A warehouse that has to start: minutes of PENDING."""
    server.on("POST", PATH, status("PENDING"))
    server.on("GET", STATEMENT, *[status(state)] * 5, two_chunks(server))
    assert told(ask()) == GOOD
    assert len(server.to(STATEMENT)) == 6
    assert server.to(CANCEL) == []


def test_chunks_may_come_with_the_answer_and_behind_links(server: LocalServer, ask: Ask) -> None:
    store(server, Answer(b""), Answer(ipc(TWO)))
    server.on("POST", PATH, succeeded([ONE, TWO], attached(0, ONE, 1)))
    server.on("GET", f"{STATEMENT}/result/chunks/1", Answer({"external_links": [link(server, 1, TWO)]}))
    assert told(ask()) == GOOD


def test_several_links_may_come_at_once(server: LocalServer, ask: Ask) -> None:
    store(server, Answer(ipc(ONE)), Answer(ipc(TWO)))
    links = [link(server, 0, ONE, 1), link(server, 1, TWO)]
    server.on("POST", PATH, succeeded([ONE, TWO], {"external_links": links}))
    assert told(ask()) == GOOD


@pytest.mark.parametrize("compression", [None, "lz4", "zstd"])
def test_arrow_may_be_compressed(server: LocalServer, ask: Ask, compression: str | None) -> None:
    store(server, Answer(ipc(ONE, compression)))
    server.on("POST", PATH, succeeded([ONE], {"external_links": [link(server, 0, ONE)]}))
    assert told(ask()) == GOOD[:2]


def test_an_answer_without_rows_has_the_columns_of_its_manifest(server: LocalServer, ask: Ask) -> None:
    server.on("POST", PATH, succeeded([], {}))
    answer = ask()
    assert answer.column_names == ["a", "n"]
    assert told(answer) == []


@pytest.mark.parametrize("gone", [400, 403, 404, 500, 503])
def test_a_link_that_has_ended_is_asked_for_anew(server: LocalServer, ask: Ask, gone: int) -> None:
    server.on("POST", PATH, two_chunks(server))
    server.on("GET", "/storage/0", Answer(b"<Error>Request has expired</Error>", gone), Answer(ipc(ONE)))
    server.on("GET", f"{STATEMENT}/result/chunks/0", Answer({"external_links": [link(server, 0, ONE, 1)]}))
    assert told(ask()) == GOOD
    assert len(server.to(f"{STATEMENT}/result/chunks/0")) == 1


def test_a_link_that_never_works_is_given_up_and_the_statement_cancelled(server: LocalServer, ask: Ask) -> None:
    server.on("POST", PATH, two_chunks(server))
    server.on("GET", "/storage/0", Answer(b"no", 403))
    server.on("GET", f"{STATEMENT}/result/chunks/0", Answer({"external_links": [link(server, 0, ONE, 1)]}))
    error = refused(ask)
    assert not error.permanent
    assert "chunk 0 could not be fetched: HTTPError" in str(error)
    assert len(server.to("/storage/0")) == 3
    assert len(server.to(CANCEL)) == 1


def garbled(server: LocalServer) -> Iterator[tuple[str, Answer]]:
    store(server, Answer(ipc(ONE)))
    whole = {"external_links": [link(server, 0, ONE)]}
    yield "total_chunk_count", succeeded([ONE], whole, total_chunk_count=2)
    yield "total_row_count", succeeded([ONE], whole, total_row_count=3)
    yield "cut off", succeeded([ONE], whole, truncated=True)
    yield "chunk 0 has 2 rows", succeeded([ONE], {"external_links": [link(server, 0, ONE, row_count=7)]})
    yield "chunk 0 was asked for, and 3 came", succeeded([ONE], {"external_links": [link(server, 3, ONE)]})
    yield "total_chunk_count", succeeded([ONE], {})


def test_an_incomplete_answer_is_none(server: LocalServer, ask: Ask) -> None:
    for n, (words, answer) in enumerate(garbled(server)):
        server.on("POST", PATH, answer)
        server.on("GET", f"{STATEMENT}/result/chunks/0", Answer({"external_links": []}))
        error = refused(ask)
        assert words in str(error)
        assert not error.permanent
        assert len(server.to(CANCEL)) == n + 1, words


@pytest.mark.parametrize("content", [b"", b"<html>login</html>", ipc(ONE)[:-40]])
def test_a_chunk_of_garbage_is_none(server: LocalServer, ask: Ask, content: bytes) -> None:
    store(server, Answer(content))
    links = {"external_links": [link(server, 0, ONE)]}
    server.on("POST", PATH, succeeded([ONE], links))
    server.on("GET", f"{STATEMENT}/result/chunks/0", Answer(links))
    assert not refused(ask).permanent
    assert len(server.to(CANCEL)) == 1


def failure(code: str, message: str, state: str = "FAILED") -> Answer:
    return status(state, error={"error_code": code, "message": message}, sql_state="42000")


def test_a_statement_that_fails_comes_with_200_and_its_reason(server: LocalServer, ask: Ask) -> None:
    server.on("POST", PATH, failure("BAD_REQUEST", "[UNRESOLVED_COLUMN] profit\nat line 1"))
    error = refused(ask)
    assert isinstance(error, QuestionError)
    assert error.permanent and not error.missing
    assert error.said == "[UNRESOLVED_COLUMN] profit"
    assert len(server.to(PATH)) == 1 and server.to(CANCEL) == []


def test_a_table_that_is_not_there_is_missing_and_may_come(server: LocalServer, ask: Ask) -> None:
    server.on("POST", PATH, failure("BAD_REQUEST", "[TABLE_OR_VIEW_NOT_FOUND] The table or view `t` cannot be found."))
    error = refused(ask)
    assert error.missing and not error.permanent and not isinstance(error, QuestionError)


@pytest.mark.parametrize(
    ("code", "state"),
    [
        ("INTERNAL_ERROR", "FAILED"),
        ("TEMPORARILY_UNAVAILABLE", "FAILED"),
        ("DEADLINE_EXCEEDED", "FAILED"),
        ("", "CANCELED"),
    ],
)
def test_trouble_of_the_warehouse_may_pass(server: LocalServer, ask: Ask, code: str, state: str) -> None:
    server.on("POST", PATH, failure(code, "try later", state))
    error = refused(ask)
    assert not error.permanent and not isinstance(error, QuestionError)


def test_a_result_that_was_thrown_away_is_asked_for_once_more(server: LocalServer, ask: Ask) -> None:
    server.on("POST", PATH, status("CLOSED"), two_chunks(server))
    assert told(ask()) == GOOD
    server.on("POST", PATH, status("CLOSED"))
    assert "thrown away" in str(refused(ask))
    assert len(server.to(PATH)) == 4


def test_a_chunk_that_was_thrown_away_is_asked_for_with_a_new_statement(server: LocalServer, ask: Ask) -> None:
    whole = two_chunks(server)
    server.on("POST", PATH, whole)
    server.on(
        "GET",
        f"{STATEMENT}/result/chunks/1",
        Answer({"error_code": "RESOURCE_DOES_NOT_EXIST", "message": "closed"}, 404),
        Answer({"external_links": [link(server, 1, TWO)]}),
    )
    assert told(ask()) == GOOD
    assert len(server.to(PATH)) == 2


def test_a_statement_that_takes_too_long_is_cancelled_and_the_warehouse_named(server: LocalServer, ask: Ask) -> None:
    server.on("POST", PATH, status("PENDING"))
    server.on("GET", STATEMENT, status("PENDING"))
    server.on("GET", "/api/2.0/sql/warehouses/w1", Answer({"state": "STARTING"}))
    server.on("POST", CANCEL, Answer({}))
    error = refused(ask, patience_seconds=1e-3)
    assert not error.permanent
    assert "PENDING after 0.001 s (workspace.statement_timeout), and warehouse w1 is STARTING" in str(error)
    assert [asked.json for asked in server.to(CANCEL)] == [{}]


def test_a_look_that_is_broken_off_cancels_its_statement(server: LocalServer, ask: Ask) -> None:
    def trouble(_: Asked) -> Answer:
        return Answer({"message": "no"}, 403)

    server.on("POST", PATH, status("RUNNING"))
    server.on("GET", STATEMENT, trouble)
    refused(ask)
    assert len(server.to(CANCEL)) == 1


def test_too_many_requests_are_tried_again(server: LocalServer, ask: Ask) -> None:
    slow = Answer({"error_code": "RESOURCE_EXHAUSTED", "message": "slow down"}, 429, {"Retry-After": "0"})
    server.on("POST", PATH, slow, two_chunks(server))
    assert told(ask()) == GOOD


def test_a_warehouse_that_is_not_there_is_said_to_be_missing(server: LocalServer, ask: Ask) -> None:
    gone = Answer({"error_code": "RESOURCE_DOES_NOT_EXIST", "message": "SQL warehouse w1 does not exist."}, 404)
    server.on("POST", PATH, gone)
    assert "SQL warehouse w1 does not exist" in str(refused(ask))


@pytest.mark.parametrize("answer", [Answer(b"<html>login</html>"), Answer({}), Answer({"statement_id": "../x"})])
def test_what_is_no_answer_of_databricks_is_none(server: LocalServer, ask: Ask, answer: Answer) -> None:
    server.on("POST", PATH, answer)
    assert not refused(ask).permanent


def test_looking_goes_on_where_nothing_may_be_changed(server: LocalServer, ask: Ask) -> None:
    @contextmanager
    def closed() -> Iterator[None]:
        raise PlatformError("nothing was sent: the gate is closed", permanent=False)
        yield

    server.on("POST", PATH, status("PENDING"), two_chunks(server))
    server.on("GET", STATEMENT, status("RUNNING"))
    server.on("POST", CANCEL, Answer({}))
    assert "is RUNNING" in str(refused(ask, patience_seconds=1e-3, fence=closed))
    assert len(server.to(CANCEL)) == 1
    assert told(ask(fence=closed)) == GOOD


def test_a_stream_is_fetched_as_it_is_read_and_cancelled_where_it_is_left(server: LocalServer, stream: Ask) -> None:
    server.on("POST", PATH, two_chunks(server))
    server.on("POST", CANCEL, Answer({}))
    batches = iter(stream())
    assert next(batches).num_rows == 2
    assert server.to("/storage/1") == []
    assert [batch.num_rows for batch in batches] == [1]
    assert server.to(CANCEL) == []


@pytest.mark.parametrize("following", [f"{STATEMENT}/result/chunks/1?row_offset=2", "/api/2.0/elsewhere", None])
def test_the_next_chunk_is_where_databricks_says_if_it_is_one_of_the_statement(
    server: LocalServer, ask: Ask, following: str | None
) -> None:
    answer = two_chunks(server)
    first = link(server, 0, ONE, 1, next_chunk_internal_link=following)
    server.on("POST", PATH, Answer({**answer.body, "result": {"external_links": [first]}}))
    assert told(ask()) == GOOD
    (asked,) = server.to(f"{STATEMENT}/result/chunks/1")
    assert ("row_offset=2" in asked.path) == (following is not None and "row_offset" in following)
