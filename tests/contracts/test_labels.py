"""The contract of the port Labels."""

import uuid
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from daemon.adapters.delta import DeltaLabels, UnityTable
from daemon.adapters.tables import TableLabels
from daemon.config.labels import Kpi
from daemon.config.labels import Labels as Rules
from daemon.domain.cohort import Label
from daemon.domain.table_name import TableName
from daemon.ports import Labels, PlatformError
from tests.adapters.delta.tables import write_labels
from tests.fakes import FakeLabels, LabelRow
from tests.small_workspace import SmallWorkspace

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
DAY = timedelta(days=1)
Make = Callable[..., Labels]


def _delta(path: Path, _: SmallWorkspace) -> Make:
    return _written(path, lambda rules: DeltaLabels(rules.model_copy(update={"table": str(path)})))


def _unity(path: Path, small: SmallWorkspace) -> Make:
    name = _named(path, small)
    return _written(path, lambda rules: TableLabels(rules, UnityTable(name, small.catalog())))


def _warehouse(path: Path, small: SmallWorkspace) -> Make:
    name = _named(path, small)
    return _written(path, lambda rules: TableLabels(rules, small.table(f"uc://{name}")))


def _named(path: Path, small: SmallWorkspace) -> TableName:
    name = TableName("ml-prod", "o'hare", f"labels-{uuid.uuid4()}")
    small.control.register_table(str(name), path.as_uri())
    return name


def _written(path: Path, read: Callable[[Rules], Labels]) -> Make:
    def make(rows: Sequence[LabelRow], *, timed: bool = False, kpi: str = "", numbers: bool = False) -> Labels:
        write_labels(path, rows, numbers=numbers)
        # every third row once more, in a file of its own
        write_labels(path, rows[::3], numbers=numbers)
        kpis = (Kpi(name="money", expression=kpi, tolerance=1.0, range=(0, 100)),) if kpi else ()
        rules = Rules(table=str(path), time="labelled_at" if timed else None, kpis=kpis)
        return read(rules.model_copy(update={"kind": "regression"}) if numbers else rules)

    return make


def _fake(_: Path, __: SmallWorkspace) -> Make:
    def make(rows: Sequence[LabelRow], *, timed: bool = False, kpi: str = "", numbers: bool = False) -> Labels:
        labels = FakeLabels(timed=timed)
        labels.write([*rows, *rows[::3]])
        return labels

    return make


WORLDS = {"delta": _delta, "unity": _unity, "warehouse": _warehouse, "fake": _fake}


@pytest.fixture(params=WORLDS)
def make(request: pytest.FixtureRequest, tmp_path: Path, small: SmallWorkspace) -> Make:
    return WORLDS[request.param](tmp_path / "labels", small)


def test_labels_are_those_of_the_requests_asked_for_each_once(make: Make) -> None:
    labels = make([LabelRow(f"r{n}", "ja" if n % 2 else "o'no") for n in range(100)])
    found = labels.of(["r1", "r2", "nobody", "r99"], NOON)
    assert found == {"r1": Label("ja"), "r2": Label("o'no"), "r99": Label("ja")}


def test_more_ids_than_one_question_holds_are_all_answered(make: Make) -> None:
    ids = [f"it's {n}" for n in range(12_000)]
    labels = make([LabelRow(one, "1") for one in ids])
    assert labels.of(ids, NOON).keys() == set(ids)


def test_nothing_asked_is_nothing_answered(make: Make) -> None:
    assert make([LabelRow("r", "1")]).of([], NOON) == {}


def test_labels_that_contradict_each_other_are_none(make: Make) -> None:
    labels = make([LabelRow("a", "1"), LabelRow("a", "0"), LabelRow("b", "1"), LabelRow("b", "1")])
    assert labels.of(["a", "b"], NOON) == {"b": Label("1")}


def test_where_the_table_tells_when_a_label_came_the_newest_counts(make: Make) -> None:
    rows = [LabelRow("a", "0", NOON), LabelRow("a", "1", NOON + DAY), LabelRow("b", "1", NOON + DAY)]
    assert make(rows, timed=True).of(["a", "b"], NOON) == {"a": Label("1"), "b": Label("1")}


def test_two_labels_of_the_same_moment_contradict_each_other(make: Make) -> None:
    rows = [LabelRow("a", "0", NOON), LabelRow("a", "1", NOON), LabelRow("b", "0", NOON)]
    assert make(rows, timed=True).of(["a", "b"], NOON) == {"b": Label("0")}


def test_a_label_from_before_the_request_is_not_its_label(make: Make) -> None:
    rows = [LabelRow("a", "0", NOON - timedelta(seconds=1)), LabelRow("b", "0", NOON), LabelRow("c", "0")]
    assert make(rows, timed=True).of(["a", "b", "c"], NOON) == {"b": Label("0")}


def test_a_label_of_null_is_not_there_yet(make: Make) -> None:
    assert make([LabelRow("a", None), LabelRow("b", "0"), LabelRow("b", None)]).of(["a", "b"], NOON) == {
        "b": Label("0")
    }


def test_a_number_is_a_number(make: Make) -> None:
    assert make([LabelRow("a", 2.5), LabelRow("b", -1e9)], numbers=True).of(["a", "b"], NOON) == {
        "a": Label(2.5),
        "b": Label(-1e9),
    }


def test_a_kpi_comes_with_the_label_and_may_be_null(make: Make) -> None:
    rows = [LabelRow("a", "1", kpis=(2.5,)), LabelRow("b", "0", kpis=(None,))]
    assert make(rows, kpi="amount").of(["a", "b"], NOON) == {"a": Label("1", (2.5,)), "b": Label("0", (None,))}


def test_what_comes_later_is_seen_at_the_next_reading(tmp_path: Path, small: SmallWorkspace) -> None:
    fake = FakeLabels()
    path = tmp_path / "labels"
    write_labels(path, [LabelRow("a", "1")])
    fake.write([LabelRow("a", "1")])
    rules = Rules(table=str(path))
    name = _named(path, small)
    real = (DeltaLabels(rules), TableLabels(rules, small.table(f"uc://{name}")))
    for labels in (fake, *real):
        assert labels.of(["a", "b"], NOON).keys() == {"a"}
    write_labels(path, [LabelRow("b", "0")])
    fake.write([LabelRow("b", "0")])
    for labels in (fake, *real):
        assert labels.of(["a", "b"], NOON).keys() == {"a", "b"}


def test_a_table_that_is_not_there_is_said_to_be_missing(tmp_path: Path, small: SmallWorkspace) -> None:
    fake = FakeLabels()
    fake.missing = True
    rules = Rules(table=str(tmp_path / "none"))
    for labels in (fake, DeltaLabels(rules), TableLabels(rules, small.table("main.ml.none"))):
        with pytest.raises(PlatformError, match="label") as refused:
            labels.of(["a"], NOON)
        assert refused.value.missing and not refused.value.permanent
