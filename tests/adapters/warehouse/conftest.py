"""Statements against a server whose answers a test scripts."""

import base64
from collections.abc import Callable, Sequence
from datetime import timedelta
from io import BytesIO
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from daemon.adapters.databricks import DatabricksClient
from daemon.adapters.tables.dialect import Question
from daemon.adapters.warehouse import Statements
from daemon.config.fields import Secret
from daemon.config.settings import Workspace
from tests.adapters.local_server import Answer, LocalServer

TOKEN = "dapi0123456789abcdef0123456789abcdef"
PATH = "/api/2.0/sql/statements"
ID = "01ef-23ab"
QUESTION = Question("SELECT :p0 AS a", {"p0": "it's"})
SCHEMA = pa.schema([("a", pa.string()), ("n", pa.int64())])
Ask = Callable[..., Any]


@pytest.fixture
def token(tmp_path: Path) -> Path:
    """The file that holds the access token."""
    path = tmp_path / "token"
    path.write_text(TOKEN)
    return path


@pytest.fixture
def ask(server: LocalServer, token: Path) -> Ask:
    def run(question: Question = QUESTION, **about: Any) -> Any:
        return statements(server, token, **about).table(question, what="read main.ml.t")

    return run


@pytest.fixture
def stream(server: LocalServer, token: Path) -> Ask:
    return lambda: statements(server, token).rows(QUESTION, what="read main.ml.t")


def statements(server: LocalServer, token: Path, *, patience_seconds: float = 20, **about: Any) -> Statements:
    settings = Workspace(
        host=server.url,
        token=Secret(file=token),
        timeout=timedelta(seconds=about.pop("timeout_seconds", 20)),
        retry_for=timedelta(seconds=3),
        warehouse_id="w1",
        statement_timeout=timedelta(seconds=patience_seconds),
    )
    return Statements(DatabricksClient(settings, pauses=(0.0, 0.0), **about), settings, pauses=(0.0,))


def rows(*values: str, start: int = 0) -> pa.Table:
    return pa.table({"a": list(values), "n": list(range(start, start + len(values)))}, schema=SCHEMA)


def ipc(table: pa.Table, compression: str | None = None) -> bytes:
    sink = BytesIO()
    with pa.ipc.new_stream(sink, table.schema, options=pa.ipc.IpcWriteOptions(compression=compression)) as writer:
        writer.write_table(table)
    return sink.getvalue()


def status(state: str, **more: Any) -> Answer:
    return Answer({"statement_id": ID, "status": {"state": state, **more}})


def link(server: LocalServer, index: int, table: pa.Table, following: int | None = None, **more: Any) -> dict[str, Any]:
    """Return a chunk as Databricks links to it."""
    about = {"next_chunk_index": following} if following is not None else {}
    return {
        "chunk_index": index,
        "row_count": table.num_rows,
        "external_link": f"{server.url}/storage/{index}?signature=secret",
        "http_headers": {"x-needed": "yes"},
        **about,
        **more,
    }


def attached(index: int, table: pa.Table, following: int | None = None) -> dict[str, Any]:
    """Return a chunk that comes with the answer."""
    about = {"next_chunk_index": following} if following is not None else {}
    content = base64.b64encode(ipc(table, "lz4")).decode()
    return {"chunk_index": index, "row_count": table.num_rows, "attachment": content, **about}


def succeeded(tables: Sequence[pa.Table], result: dict[str, Any], **manifest: Any) -> Answer:
    columns = [{"name": "a", "type_name": "STRING"}, {"name": "n", "type_name": "LONG"}]
    about = {
        "schema": {"columns": columns},
        "total_chunk_count": len(tables),
        "total_row_count": sum(table.num_rows for table in tables),
        "truncated": False,
    }
    return Answer(
        {"statement_id": ID, "status": {"state": "SUCCEEDED"}, "manifest": about | manifest, "result": result}
    )
