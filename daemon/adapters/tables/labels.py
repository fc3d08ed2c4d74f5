"""The labels of one endpoint, out of a table. KPIs are SQL of its engine, and are computed where the rows are."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from daemon.adapters.tables.dialect import Question
from daemon.adapters.tables.engine import Engine, QuestionError
from daemon.config.labels import Kpi, Labels
from daemon.domain.cohort import Label
from daemon.ports import PlatformError

AT_ONCE = 5000
"""Request ids in one question."""


class TableLabels:
    """Reads one label table, by one thread at a time; it is kept open."""

    def __init__(self, rules: Labels, table: Engine) -> None:
        self._rules = rules
        self._table = table
        self._tried: Mapping[str, str] | None = None

    def of(self, ids: Sequence[str], since: datetime) -> Mapping[str, Label]:
        if not ids:
            return {}
        fields = self._fields()
        self._try_kpis(fields)
        found: dict[str, set[tuple[Any, ...]]] = {}
        for start in range(0, len(ids), AT_ONCE):
            at_once = ids[start : start + AT_ONCE]
            answer = self._table.query(question(self._rules, at_once, since, fields, self._table))
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
            sentence = f"{self._table.uri} is no table: check labels.table, or wait for the first label"
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
                self._table.query(kpi_question(kpi, self._rules, self._table))
            except QuestionError as error:
                sentence = f"labels.kpis: {kpi.name} is no scalar expression over the columns of {self._table.uri}"
                raise PlatformError(f"{sentence} ({error.said})", permanent=True) from error
        self._tried = fields


def kpi_question(kpi: Kpi, rules: Labels, table: Engine) -> Question:
    """Ask for one row: some casts fail only then. Beside a column of its own, an aggregate is an error."""
    one, label = map(table.dialect.identifier, (rules.id, rules.label))
    number = _number(kpi, table)
    return Question(f"SELECT {one} AS id, {label} AS label, {number} AS kpi FROM {table.name} LIMIT 1")


def question(rules: Labels, ids: Sequence[str], since: datetime, fields: Mapping[str, str], table: Engine) -> Question:
    """Ask for the newest label of each request, and what its row is worth."""
    dialect = table.dialect
    values = dialect.values()
    one, label = f"CAST({dialect.identifier(rules.id)} AS {dialect.string})", dialect.identifier(rules.label)
    truth = f"TRY_CAST({label} AS DOUBLE)" if rules.kind == "regression" else f"CAST({label} AS {dialect.string})"
    names = ["id", "label", *(f"kpi_{place}" for place in range(len(rules.kpis)))]
    numbers = [one, truth, *(_number(kpi, table) for kpi in rules.kpis)]
    chosen = [f"{number} AS {name}" for number, name in zip(numbers, names, strict=True)]
    conditions = [values.among(one, ids), f"{label} IS NOT NULL"]
    place = "1"
    if rules.time is not None:
        time = dialect.identifier(rules.time)
        literal = dialect.day(since.date()) if fields[rules.time] == "date" else dialect.moment(since)
        conditions.append(f"{time} >= {literal}")
        place = f"rank() OVER (PARTITION BY {one} ORDER BY {time} DESC)"
    return values.asked(f"""
        SELECT DISTINCT {", ".join(names)} FROM (
            SELECT {", ".join(chosen)}, {place} AS place FROM {table.name} WHERE {" AND ".join(conditions)}
        ) WHERE place = 1""")


def _number(kpi: Kpi, table: Engine) -> str:
    expression = table.dialect.identifier(kpi.column) if kpi.column is not None else kpi.expression
    return f"TRY_CAST(({expression}) AS DOUBLE)"


def _label(row: tuple[Any, ...]) -> Label:
    label, *kpis = row
    return Label(label, tuple(kpis))
