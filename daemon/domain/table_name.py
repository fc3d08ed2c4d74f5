"""A table's name in Unity Catalog, told from the folder or URI of a Delta table."""

import re
from dataclasses import dataclass

SCHEME = "uc://"
PART = re.compile(r"`((?:[^`]|``)*)`|([^`.]*)")
FORBIDDEN = re.compile(r"[./\s\x00-\x1f\x7f]")
"""What Unity Catalog takes in no name."""
LONGEST = 255


@dataclass(frozen=True, slots=True)
class TableName:
    catalog: str
    schema: str
    table: str

    def __str__(self) -> str:
        """Return it as Unity Catalog's own paths have it, without quotes."""
        return f"{self.catalog}.{self.schema}.{self.table}"

    @property
    def parts(self) -> tuple[str, str, str]:
        return self.catalog, self.schema, self.table


def table_name(text: str) -> TableName | None:
    """Read `catalog.schema.table`, a part in backticks or not, with or without `uc://`; None for a folder or URI.

    Raise ValueError where it is meant for a name and is none. A folder of such a name is written `./a.b.c`.
    """
    meant = text.startswith(SCHEME)
    bare = text.removeprefix(SCHEME)
    if not meant and "`" not in text and ("/" in text or text.count(".") != 2):
        return None
    parts = _parts(bare)
    if parts is None or len(parts) != 3:
        raise ValueError(f"{text} is no table's name: write catalog.schema.table, a part with a quote in backticks")
    for part in parts:
        if not part or len(part) > LONGEST or FORBIDDEN.search(part):
            raise ValueError(f"{text}: {part or 'an empty part'} cannot be part of a name in Unity Catalog")
    return TableName(*parts)


def _parts(bare: str) -> list[str] | None:
    """Split at the dots outside of backticks; None where a backtick does not fit."""
    parts: list[str] = []
    at = 0
    while True:
        found = PART.match(bare, at)
        assert found is not None  # the second alternative fits anything, if only nothing
        quoted, plain = found.groups()
        parts.append(quoted.replace("``", "`") if quoted is not None else plain)
        at = found.end()
        if at == len(bare):
            return parts
        if bare[at] != ".":
            return None
        at += 1
