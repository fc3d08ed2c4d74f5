"""Tables as Unity Catalog knows them: their columns, where they lie, and credentials to read them there for an hour."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import quote

from daemon.adapters.databricks.client import DatabricksClient, Json
from daemon.domain.table_name import TableName
from daemon.ports import PlatformError

TABLES = "/api/2.1/unity-catalog/tables"
CREDENTIALS = "/api/2.0/unity-catalog/temporary-table-credentials"
SUMMARY = "/api/2.1/unity-catalog/metastore_summary"

TYPES = {"bigint": "long", "int": "integer", "smallint": "short", "tinyint": "byte"}
"""Names of types that Delta has otherwise."""
STORAGE_OPTIONS = {
    "aws_temp_credentials": {
        "access_key_id": "AWS_ACCESS_KEY_ID",
        "secret_access_key": "AWS_SECRET_ACCESS_KEY",
        "session_token": "AWS_SESSION_TOKEN",
    },
    "r2_temp_credentials": {
        "access_key_id": "AWS_ACCESS_KEY_ID",
        "secret_access_key": "AWS_SECRET_ACCESS_KEY",
        "session_token": "AWS_SESSION_TOKEN",
    },
    "azure_user_delegation_sas": {"sas_token": "AZURE_STORAGE_SAS_TOKEN"},
}
"""What Unity Catalog lends, by the names that delta-rs has for it. Google's are bearer tokens: it takes none."""


@dataclass(frozen=True, slots=True)
class TableInfo:
    id: str
    fields: Mapping[str, str]
    """Columns and their types, by the names that Delta has for them."""
    location: str
    """Empty where the table has none of its own: a view."""


@dataclass(frozen=True, slots=True)
class Lent:
    """Credentials, as storage options."""

    options: Mapping[str, str] = field(repr=False)
    expires: float
    """Seconds since the epoch."""


class UnityCatalog:
    def __init__(self, client: DatabricksClient) -> None:
        self._client = client

    def table(self, name: TableName) -> TableInfo:
        """Look a table up. One that is not there may come: it is created with the first request logged."""
        path = "/".join((TABLES, quote(str(name), safe="")))
        try:
            return self._client.get(path, _table, what=f"look up table {name}")
        except PlatformError as error:
            if not error.missing:
                raise
            sentence = f"{name} is no table that the daemon's principal sees: check `table`, grant SELECT, or wait"
            raise PlatformError(
                f"{sentence} for the first request to be logged ({error})", permanent=False, missing=True
            ) from None

    def lend(self, table_id: str, *, name: TableName) -> Lent:
        """Ask for credentials to read the files of a table."""
        what = f"get credentials to read the files of {name}"
        body = {"table_id": table_id, "operation": "READ"}
        try:
            return self._client.ask(CREDENTIALS, body, lambda answer: _lent(answer, name), what=what)
        except PlatformError as error:
            if not error.permanent:
                raise
            advice = (
                'grant EXTERNAL USE SCHEMA (and allow external access in the metastore), or set reader = "warehouse"'
            )
            raise PlatformError(f"{error}: {advice}", permanent=True, missing=error.missing) from None

    def region(self) -> Mapping[str, str]:
        """Return the storage option for the metastore's region: credentials do not say in which their bucket lies."""
        try:
            region = self._client.get(SUMMARY, lambda shown: shown.get("region"), what="ask the metastore's region")
        except PlatformError:
            return {}
        return {"AWS_REGION": str(region)} if region else {}


def _table(shown: Json) -> TableInfo:
    fields = {column["name"]: _type(column) for column in shown.get("columns") or []}
    return TableInfo(str(shown.get("table_id") or ""), fields, str(shown.get("storage_location") or ""))


def _type(column: Json) -> str:
    text = str(column.get("type_text") or column.get("type_name") or "").lower()
    return TYPES.get(text, text)


def _lent(answer: Json, name: TableName) -> Lent:
    expires = float(answer["expiration_time"]) / 1000
    for kind, options in STORAGE_OPTIONS.items():
        if given := answer.get(kind):
            return Lent({option: given[key] for key, option in options.items() if given.get(key)}, expires)
    if answer.get("gcp_oauth_token"):
        sentence = f'{name} lies at Google, whose tokens the Delta reader does not take: set reader = "warehouse"'
        raise PlatformError(sentence, permanent=True)
    return Lent({}, expires)
