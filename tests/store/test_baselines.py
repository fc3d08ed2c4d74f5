"""Baselines in and out."""

from dataclasses import replace

import numpy as np

from daemon.domain.baseline import Baseline, Segment
from daemon.store import baselines
from daemon.store.engine import Store
from detectors.bins import CategoricalBins
from tests.store.nouns import baseline


def test_a_baseline_comes_back_as_it_was_in_the_order_of_its_columns(store: Store) -> None:
    with store.begin() as tx:
        saved = baselines.save(tx, baseline())
    with store.read() as tx:
        found = baselines.current(tx, "flights", 3)
    assert found is not None
    assert found.id == saved.id is not None
    assert _plain(found) == _plain(saved)
    assert list(found.columns) == ["distance", "carrier"]


def test_the_extremes_of_a_column_come_back_and_a_baseline_that_has_none_is_read_as_well(store: Store) -> None:
    """Those of an older daemon have none."""
    plain = baseline()
    known = {**plain.columns, "distance": replace(plain.columns["distance"], extremes=(-0.1, 1e300))}
    with store.begin() as tx:
        for columns, extremes in ((plain.columns, None), (known, (-0.1, 1e300))):
            baselines.save(tx, replace(plain, columns=columns))
            found = baselines.current(tx, "flights", 3)
            assert found is not None
            assert found.columns["distance"].extremes == extremes


def test_without_a_baseline_there_is_none(store: Store) -> None:
    with store.begin() as tx:
        baselines.save(tx, baseline())
        assert baselines.current(tx, "flights", 4) is None
        assert baselines.current(tx, "delays", 3) is None


def test_the_newest_baseline_of_the_version_is_the_current_one(store: Store) -> None:
    with store.begin() as tx:
        for source in ("old", "new"):
            baselines.save(tx, baseline(source=source))
        baselines.save(tx, baseline(source="other version", version=4))
        found = baselines.current(tx, "flights", 3)
    assert found is not None
    assert found.source == "new"


def test_all_baselines_of_an_endpoint_come_oldest_first(store: Store) -> None:
    with store.begin() as tx:
        saved = [baselines.save(tx, baseline(version=version)) for version in (5, 3, 5)]
        baselines.save(tx, baseline(endpoint="delays"))
        assert [found.id for found in baselines.all_of(tx, "flights")] == [each.id for each in saved]


def test_a_baseline_without_columns_is_kept_too(store: Store) -> None:
    with store.begin() as tx:
        baselines.save(tx, baseline(columns={}, rows=0))
        found = baselines.current(tx, "flights", 3)
    assert found is not None
    assert found.columns == {}


def test_ten_thousand_odd_categories_come_back(store: Store) -> None:
    names = tuple(f'{n} ü "quoted" \x00 \U0001f6eb' for n in range(10_000))
    bins = CategoricalBins(names, frozenset(), complete=True)
    wide = replace(baseline().columns["carrier"], bins=bins, counts=np.arange(bins.size))
    with store.begin() as tx:
        baselines.save(tx, baseline(columns={"carrier": wide}))
        found = baselines.current(tx, "flights", 3)
    assert found is not None
    assert found.columns["carrier"].bins == bins
    assert found.columns["carrier"].counts.tolist() == list(range(bins.size))


def _plain(given: Baseline) -> tuple[object, ...]:
    """Return a baseline as values that can be compared: arrays cannot."""
    columns = {name: (each.column, each.bins, each.counts.tolist()) for name, each in given.columns.items()}
    return given.endpoint, given.version, given.kind, given.source, given.rows, given.created_at, columns


def test_the_ids_of_the_newest_baselines_are_known_without_reading_them(store: Store) -> None:
    with store.begin() as tx:
        baselines.save(tx, baseline(source="old"))
        saved = [baselines.save(tx, baseline(version=version)) for version in (3, 4)]
        baselines.save(tx, baseline(endpoint="delays"))
        assert baselines.newest_ids(tx, "flights") == {3: saved[0].id, 4: saved[1].id}
        assert baselines.newest_ids(tx, "nobody") == {}


def test_the_segments_of_a_baseline_come_back(store: Store) -> None:
    plain = baseline()
    part = replace(plain.columns["distance"], within=Segment("carrier", "AA"))
    with store.begin() as tx:
        baselines.save(
            tx, replace(plain, columns={**plain.columns, part.name: part}, segmented_by=("carrier", "nothing"))
        )
        found = baselines.current(tx, "flights", 3)
    assert found is not None
    assert found.segmented_by == ("carrier", "nothing") and found.segments == (Segment("carrier", "AA"),)
    assert list(found.columns) == ["distance", "carrier", "distance@carrier=AA"]
    assert found.columns["distance"].within is None
