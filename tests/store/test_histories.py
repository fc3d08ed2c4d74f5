"""Histories come back from both databases as they were written."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from sqlalchemy import delete

from daemon.config.detection import BaselineSettings, Watch
from daemon.config.endpoint import EndpointSettings
from daemon.config.remedies import Promote, Rollback
from daemon.domain.baseline import Baseline, BaselineColumn, BaselineKind
from daemon.domain.profile import Coverage, Health, Profile
from daemon.domain.schema import Column, Kind, Signature
from daemon.domain.window import Window
from daemon.store import baselines, histories
from daemon.store.engine import Store
from daemon.store.tables import baseline as baseline_table
from daemon.watch.history import learn
from detectors.bins import cut_categories, cut_numeric

START, HOUR = datetime(2026, 3, 2, tzinfo=UTC), timedelta(hours=1)


def stored(store: Store) -> Baseline:
    numbers, words = cut_numeric(np.arange(1000.0)), cut_categories({"AA": 60, "UA": 40})
    columns = {
        "x": BaselineColumn(Column("x", Kind.NUMERIC), numbers, numbers.count(np.arange(1000.0))),
        "carrier": BaselineColumn(Column("carrier", Kind.CATEGORICAL), words, words.count({"AA": 60, "UA": 40})),
    }
    signature = Signature(tuple(c.column for c in columns.values()), ())
    made = Baseline("flights", 1, BaselineKind.TRAINING, "here", 1000, START, columns, signature)
    with store.begin() as tx:
        return baselines.save(tx, made)


def profiles(known: Baseline, count: int) -> list[Profile]:
    rng = np.random.default_rng(1)
    numbers, words = known.columns["x"].bins, known.columns["carrier"].bins
    return [
        Profile(
            "flights",
            1,
            Window(START + n * HOUR, START + (n + 1) * HOUR),
            Health(),
            Coverage(),
            known.id,
            {
                "x": numbers.count(rng.uniform(0, 1000, 99)),  # type: ignore[arg-type]
                "carrier": words.count({"AA": n % 7, "UA": 5}, 1),  # type: ignore[arg-type]
            },
        )
        for n in range(count)
    ]


@pytest.mark.parametrize(("kind", "windows"), [("training", 40), ("seasonal", 30 * 24)])
def test_what_was_learnt_comes_back(store: Store, kind: str, windows: int) -> None:
    known = stored(store)
    settings = EndpointSettings(
        name="flights",
        table="/t",
        model="m",
        watch=Watch(window=HOUR),
        baseline=BaselineSettings(kind=kind),  # type: ignore[arg-type]
        rollback=Rollback(timeout=6 * HOUR),
        promote=Promote(timeout=6 * HOUR),
    )
    history = learn(profiles(known, windows), known, settings)
    assert history is not None
    with store.begin() as tx:
        assert histories.of(tx, known) is None
        histories.save(tx, history)
        histories.save(tx, history)
        found = histories.of(tx, known)
    assert found is not None
    assert (found.windows, found.until, found.scales) == (history.windows, history.until, history.scales)
    assert found.effects.keys() == history.effects.keys()
    for key, effect in history.effects.items():
        for part in histories.PARTS:
            np.testing.assert_array_equal(getattr(found.effects[key], part), getattr(effect, part))
    assert (found.phases is None) == (history.phases is None) == (kind == "training")
    if history.phases is not None and found.phases is not None:
        assert found.phases.weekly is history.phases.weekly
        for name, counts in history.phases.columns.items():
            np.testing.assert_array_equal(found.phases.columns[name], counts)


def test_it_goes_with_its_baseline(store: Store) -> None:
    known = stored(store)
    settings = EndpointSettings(name="flights", table="/t", model="m")
    history = learn(profiles(known, 40), known, settings)
    assert history is not None
    with store.begin() as tx:
        histories.save(tx, history)
        tx.execute(delete(baseline_table))
        assert histories.of(tx, known) is None
