"""The labels of one endpoint, out of a Delta table. KPIs are SQL, and are computed where the rows are."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from daemon.adapters.delta.queries import quoted
from daemon.adapters.delta.table import NAME, DeltaTable
from daemon.config.labels import Kpi, Labels
from daemon.domain.cohort import Label
from daemon.ports import PlatformError

AT_ONCE = 5000
"""Request ids in one question."""
REFUSALS = ("Error during planning", "Schema error", "SQL error", "This feature is not implemented", "Arrow error")
"""How the engine begins where it is the question that is wrong, and not the reading."""


class DeltaLabels:
    """Reads one label table, by one thread at a time; it is kept open."""

    def __init__(self, rules: Labels, storage_options: Mapping[str, str] | None = None) -> None:
        self._rules = rules
        self._table = DeltaTable(rules.table or "", storage_options)
        self._tried: Mapping[str, str] | None = None

    def of(self, ids: Sequence[str], since: datetime) -> Mapping[str, Label]:
        if not ids:
            return {}
        fields = self._fields()
        self._try_kpis(fields)
        found: dict[str, set[tuple[Any, ...]]] = {}
        for start in range(0, len(ids), AT_ONCE):
            answer = self._table.query(_question(self._rules, ids[start : start + AT_ONCE], since, fields))
            columns = [answer.column(name).to_pylist() for name in answer.column_names]
            for one, *about in zip(*columns, strict=True):
                found.setdefault(one, set()).add(tuple(about))
        # more than one left of an id: they contradict each other
        return {one: _label(rows.pop()) for one, rows in found.items() if len(rows) == 1}

    def _fields(self) -> dict[str, str]:
        try:
            self._table.refresh()
            fields = self._table.fields()
        except PlatformError as error:
            if not error.missing:
                raise
            sentence = f"{self._table.uri} is no Delta table: check labels.table, or wait for the first label"
            raise PlatformError(sentence, permanent=False, missing=True) from error
        rules = self._rules
        for setting, name in (("id", rules.id), ("label", rules.label), ("time", rules.time)):
            if name is not None and name not in fields:
                known = ", ".join(sorted(fields))
                sentence = f"{self._table.uri} has no column {name}: check labels.{setting} (it has {known})"
                raise PlatformError(sentence, permanent=True)
        if rules.time is not None and not fields[rules.time].startswith(("date", "timestamp")):
            sentence = f"labels.time: {rules.time} is a {fields[rules.time]}, and must be a date or a timestamp"
            raise PlatformError(sentence, permanent=True)
        return fields

    def _try_kpis(self, fields: Mapping[str, str]) -> None:
        """Let the engine say which KPI is no number for each row: an aggregate, an unknown column."""
        if self._tried == fields:
            return
        for kpi in self._rules.kpis:
            try:
                # beside a column of its own, an aggregate is an error; a row is needed for some casts to fail
                one, label = _column(self._rules.id), _column(self._rules.label)
                self._table.query(f"SELECT {one} AS id, {label} AS label, {_number(kpi)} AS kpi FROM {NAME} LIMIT 1")
            except PlatformError as error:
                said = str(error.__cause__ or error)
                if not said.startswith(REFUSALS):
                    raise
                sentence = f"labels.kpis: {kpi.name} is no scalar expression over the columns of {self._table.uri}"
                raise PlatformError(f"{sentence} ({said.splitlines()[0]})", permanent=True) from error
        self._tried = fields


def _question(rules: Labels, ids: Sequence[str], since: datetime, fields: Mapping[str, str]) -> str:
    one, label = f"CAST({_column(rules.id)} AS VARCHAR)", _column(rules.label)
    truth = f"TRY_CAST({label} AS DOUBLE)" if rules.kind == "regression" else f"CAST({label} AS VARCHAR)"
    names = ["id", "label", *(f"kpi_{place}" for place in range(len(rules.kpis)))]
    values = [one, truth, *map(_number, rules.kpis)]
    chosen = [f"{value} AS {name}" for value, name in zip(values, names, strict=True)]
    conditions = [f"{one} IN ({', '.join(map(quoted, ids))})", f"{label} IS NOT NULL"]
    place = "1"
    if rules.time is not None:
        time = _column(rules.time)
        literal = f"{since:%F}" if fields[rules.time] == "date" else f"{since:%FT%T}Z"
        conditions.append(f"{time} >= {quoted(literal)}")
        place = f"rank() OVER (PARTITION BY {one} ORDER BY {time} DESC)"
    return f"""
        SELECT DISTINCT {", ".join(names)} FROM (
            SELECT {", ".join(chosen)}, {place} AS place FROM {NAME} WHERE {" AND ".join(conditions)}
        ) WHERE place = 1"""


def _number(kpi: Kpi) -> str:
    return f"TRY_CAST(({kpi.sql}) AS DOUBLE)"


def _column(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _label(row: tuple[Any, ...]) -> Label:
    label, *kpis = row
    return Label(label, tuple(kpis))
