"""The SQL by which DuckDB reads the documents of one shape into the columns of a signature."""

import json

from daemon.domain.schema import Column, Kind
from daemon.watch.decode.shape import SPLIT, Layout, Shape

TYPES = {Kind.NUMERIC: "DOUBLE", Kind.CATEGORICAL: "VARCHAR"}
ANYTHING = "VARCHAR"


class Reading:
    """The SQL that reads documents of one shape for the columns of a signature."""

    def __init__(self, shape: Shape, columns: tuple[Column, ...], *, alias: str) -> None:
        self.shape, self.columns, self.alias = shape, columns, alias
        self.names = [f"{alias}{place}" for place in range(len(columns))]
        self.keys = shape.names if shape.names is not None else tuple(column.name for column in columns)
        only = alias == "p" and len(columns) == 1 and len(self.keys) == 1
        self.key_of = {c.name: self.keys[0] if only else c.name for c in columns}
        held = set(self.keys)
        self.missing = [c.name for c in columns if self.key_of[c.name] not in held]
        self.extra = sorted(held.difference(self.key_of.values()))

    @property
    def structure(self) -> str:
        """The JSON structure that DuckDB is to insist on."""
        types = {self.key_of[c.name]: TYPES[c.kind] for c in self.columns}
        payload: object
        match self.shape.layout:
            case Layout.RECORDS:
                payload = [{key: types.get(key, ANYTHING) for key in self.keys}]
            case Layout.COLUMNS:
                payload = {key: [types.get(key, ANYTHING)] for key in self.keys}
            case Layout.VALUES:
                payload = [TYPES[self.columns[0].kind]]
            case _:
                payload = [["VARCHAR"]]
        if self.shape.key == SPLIT:
            payload = {"columns": ["VARCHAR"], "data": payload, **dict.fromkeys(self.shape.within, ANYTHING)}
        return json.dumps({self.shape.key: payload, **dict.fromkeys(self.shape.beside, ANYTHING)})

    @property
    def payload(self) -> str:
        path = f"{self.alias}.{_identifier(self.shape.key)}"
        return f"{path}.data" if self.shape.key == SPLIT else path

    @property
    def count(self) -> str:
        one = self.payload if self.shape.layout is not Layout.COLUMNS else self._list(self.keys[0])
        return f"len({one})"

    @property
    def whole(self) -> str:
        """What must hold for the document."""
        checks = [f"{self.count} > 0"]
        if self.shape.layout is Layout.COLUMNS:
            checks += [f"len({self._list(key)}) = {self.count}" for key in self.keys[1:]]
        elif self.shape.layout is Layout.VALUES:
            checks.append(str(len(self.columns) == 1))
        else:
            checks.append(f"list_count({self.payload}) = {self.count}")
        if self.shape.key == SPLIT:
            header = ", ".join(map(quoted, self.keys))
            checks.append(f"{self.alias}.{SPLIT}.columns = [{header}]")
        return " AND ".join(checks)

    def familiar(self, text: str) -> str:
        """What must hold for the text, so that it has no key but those of the shape. All of those are there, once."""
        at = f"'$.{self.shape.key}'"
        checks = [f"len(json_keys({text})) = {1 + len(self.shape.beside)}"]
        if self.shape.layout is Layout.RECORDS:
            keys = f"json_keys({text}, '$.{self.shape.key}[*]')"
            checks.append(f"len(flatten({keys})) = len({keys}) * {len(self.keys)}")
        elif self.shape.layout is Layout.COLUMNS:
            checks.append(f"len(json_keys({text}, {at})) = {len(self.keys)}")
        elif self.shape.key == SPLIT:
            checks.append(f"len(json_keys({text}, {at})) = {2 + len(self.shape.within)}")
        return f"coalesce(TRY({' AND '.join(checks)}), false)"

    @property
    def unnested(self) -> list[str]:
        if self.shape.layout is not Layout.COLUMNS:
            return [f"{self._unnest(self.payload)} AS {self.alias}r"]
        held = [c for c in self.columns if self.key_of[c.name] in self.keys]
        lists = [f"{self._unnest(self._list(self.key_of[c.name]))} AS {self._name(c)}r" for c in held]
        return lists or [f"{self._unnest(self._list(self.keys[0]))} AS {self.alias}r"]

    @property
    def values(self) -> list[str]:
        return [f"{self._value(column)} AS {self._name(column)}" for column in self.columns]

    @property
    def sound(self) -> list[str]:
        """What must hold for each record."""
        if self.shape.layout is not Layout.ROWS:
            return []
        numbers = [c for c in self.columns if c.kind is Kind.NUMERIC and self.key_of[c.name] in self.keys]
        spelled = [f"({self._cell(c)} IS NULL) = ({self._value(c)} IS NULL)" for c in numbers]
        return [f"len({self.alias}r) = {len(self.keys)}", *spelled]

    def _value(self, column: Column) -> str:
        key = self.key_of[column.name]
        if key not in self.keys:
            return f"NULL::{TYPES[column.kind]}"
        match self.shape.layout:
            case Layout.RECORDS:
                return f"{self.alias}r.{_identifier(key)}"
            case Layout.COLUMNS:
                return f"{self._name(column)}r"
            case Layout.VALUES:
                return f"{self.alias}r"
        cell = self._cell(column)
        return f"TRY_CAST({cell} AS DOUBLE)" if column.kind is Kind.NUMERIC else cell

    def _cell(self, column: Column) -> str:
        return f"{self.alias}r[{self.keys.index(self.key_of[column.name]) + 1}]"

    def _name(self, column: Column) -> str:
        return self.names[self.columns.index(column)]

    def _list(self, key: str) -> str:
        return f"{self.payload}.{_identifier(key)}"

    def _unnest(self, values: str) -> str:
        return f"unnest(CASE WHEN whole THEN {values} END)"


def _identifier(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
