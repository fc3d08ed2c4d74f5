"""Unity Catalog: which table goes by which name, and where its files are."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from deltalake import DeltaTable

from playground.errors import missing

SERVING = "playground.serving"
_TYPES = {"long": "bigint", "integer": "int", "short": "smallint", "byte": "tinyint"}


@dataclass(frozen=True)
class CatalogTable:
    """One table."""

    name: str
    location: str

    @property
    def id(self) -> str:
        """What credentials are asked by."""
        digits = hashlib.md5(self.name.encode(), usedforsecurity=False).hexdigest()
        return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"

    def as_json(self) -> dict[str, Any]:
        """Return it as Unity Catalog shows it."""
        catalog, schema, name = self.name.split(".")
        fields = DeltaTable(self.location).schema().fields
        return {
            "name": name,
            "catalog_name": catalog,
            "schema_name": schema,
            "full_name": self.name,
            "table_type": "MANAGED",
            "data_source_format": "DELTA",
            "table_id": self.id,
            "storage_location": self.location,
            "columns": [_column(place, field) for place, field in enumerate(fields)],
        }


class Catalog:
    """Finds tables by their full names."""

    def __init__(self) -> None:
        self._known: dict[str, CatalogTable] = {}

    def register(self, name: str, location: str) -> None:
        """Give a Delta table a name, or the name another table."""
        self._known[name] = CatalogTable(name, location)

    def table(self, name: str) -> CatalogTable:
        """Return a table, or refuse."""
        return self._found(lambda table: table.name == name, name)

    def locations(self) -> dict[str, str]:
        """Return where each table is, by its full name."""
        return {name: table.location for name, table in self._known.items()}

    def holds(self, name: str) -> bool:
        """Return whether a catalog or a schema has a table in it."""
        return any(table.startswith(f"{name}.") for table in self._known)

    def by_id(self, table_id: str) -> CatalogTable:
        """Return the table that credentials are asked for, or refuse."""
        return self._found(lambda table: table.id == table_id, table_id)

    def _found(self, fits: Callable[[CatalogTable], bool], word: str) -> CatalogTable:
        found = next((table for table in self._known.values() if fits(table)), None)
        if found is None or not DeltaTable.is_deltatable(found.location):
            raise missing(f"Table '{word}' does not exist.")
        return found


def _column(place: int, field: Any) -> dict[str, Any]:
    kind = _text(field.type)
    return {"name": field.name, "type_text": kind, "type_name": _name(kind), "position": place, "nullable": True}


def _text(kind: Any) -> str:
    """Return a type as SQL writes it."""
    if hasattr(kind, "element_type"):
        return f"array<{_text(kind.element_type)}>"
    if hasattr(kind, "key_type"):
        return f"map<{_text(kind.key_type)},{_text(kind.value_type)}>"
    return _TYPES.get(str(kind.type), str(kind.type))


def _name(text: str) -> str:
    names = {"bigint": "LONG", "smallint": "SHORT", "tinyint": "BYTE"}
    return names.get(text, text.partition("<")[0].upper())
