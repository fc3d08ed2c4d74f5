"""`system.serving.served_entities`: which id in an inference table stood for which version, over time."""

import hashlib
import threading
from datetime import datetime
from pathlib import Path

import pyarrow as pa
from deltalake import DeltaTable, write_deltalake

from playground.endpoint_config import Config

SCHEMA = pa.schema(
    [
        ("served_entity_id", pa.string()),
        ("workspace_id", pa.string()),
        ("endpoint_id", pa.string()),
        ("endpoint_name", pa.string()),
        ("served_entity_name", pa.string()),
        ("entity_name", pa.string()),
        ("entity_version", pa.string()),
        ("endpoint_config_version", pa.int32()),
        ("change_time", pa.timestamp("us", tz="UTC")),
        ("endpoint_delete_time", pa.timestamp("us", tz="UTC")),
    ]
)


def served_entity_id(endpoint_id: str, entity_name: str, entity_version: str) -> str:
    """Return the 32 hex digits that stand for one version behind one endpoint."""
    return hashlib.md5(f"{endpoint_id}/{entity_name}/{entity_version}".encode(), usedforsecurity=False).hexdigest()


class ServedEntities:
    """The history table of the workspace."""

    def __init__(self, path: Path, *, workspace_id: str) -> None:
        self.path = path
        self._workspace_id = workspace_id
        self._table = DeltaTable.create(path, schema=SCHEMA)
        # Two endpoints may change at the same time, each from a thread of its own.
        self._writing = threading.Lock()

    def record(self, config: Config, *, endpoint_id: str, endpoint_name: str, now: datetime) -> None:
        """Append one row for each entity of a new configuration."""
        rows = [
            {
                "served_entity_id": served_entity_id(endpoint_id, entity.entity_name, entity.entity_version),
                "workspace_id": self._workspace_id,
                "endpoint_id": endpoint_id,
                "endpoint_name": endpoint_name,
                "served_entity_name": entity.name,
                "entity_name": entity.entity_name,
                "entity_version": entity.entity_version,
                "endpoint_config_version": config.version,
                "change_time": now,
            }
            for entity in config.entities
        ]
        with self._writing:
            write_deltalake(self._table, pa.Table.from_pylist(rows, schema=SCHEMA), mode="append")
