"""A label table in memory: labels come in, late, twice or contradicting, and are asked for by request id."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from daemon.domain.cohort import Label
from daemon.ports import PlatformError
from tests.fakes.ledger import Fake, Ledger


@dataclass(frozen=True)
class LabelRow:
    """One row of a label table. A duplicate is the same row once more."""

    id: str
    label: str | float | None
    at: datetime | None = None
    """When it came, where the table tells."""
    kpis: tuple[float | None, ...] = ()


class FakeLabels(Fake):
    def __init__(self, ledger: Ledger | None = None, *, timed: bool = False) -> None:
        super().__init__("labels", ledger)
        self.rows: list[LabelRow] = []
        self.missing = False
        """There is no table, or it has another name by now."""
        self.timed = timed
        """The table tells when a label came, and the configuration says where."""
        self.asked: list[tuple[Sequence[str], datetime]] = []

    def write(self, rows: Iterable[LabelRow]) -> None:
        self.rows += rows

    def of(self, ids: Sequence[str], since: datetime) -> Mapping[str, Label]:
        self._ask("of")
        self.asked.append((ids, since))
        if self.missing:
            raise PlatformError("there is no label table", permanent=False, missing=True)
        wanted, found = set(ids), dict[str, list[LabelRow]]()
        for row in self.rows:
            if row.id in wanted and row.label is not None and (not self.timed or (row.at and row.at >= since)):
                found.setdefault(row.id, []).append(row)
        answers = {one: {Label(row.label, row.kpis) for row in self._newest(rows)} for one, rows in found.items()}
        return {one: labels.pop() for one, labels in answers.items() if len(labels) == 1}

    def _newest(self, rows: Sequence[LabelRow]) -> Sequence[LabelRow]:
        if not self.timed:
            return rows
        newest = max(row.at for row in rows if row.at)
        return [row for row in rows if row.at == newest]
