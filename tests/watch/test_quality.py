"""Is the data whole? What is broken is found, told once, and never trained on; what is merely odd is let be."""

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from scipy import stats

from daemon.config.detection import Quality
from daemon.config.endpoint import EndpointSettings
from daemon.domain.baseline import Baseline, BaselineColumn, BaselineKind
from daemon.domain.decision import Because
from daemon.domain.finding import Cause, Check, Finding, Reason, Statistic, Verdict
from daemon.domain.profile import Coverage, Health, Profile
from daemon.domain.schema import Column, Kind, Signature
from daemon.domain.trail import Phase
from daemon.watch.cycle import Look
from daemon.watch.quality import quality
from daemon.watch.subject import subject
from detectors.bins import cut_categories, cut_numeric
from tests.fakes import LoggedRequest
from tests.watch.stories import START, window
from tests.watch.traffic import after, requests
from tests.watch.world import Begin, World

SETTINGS = EndpointSettings(name="flights", table="/t", model="m")
ALPHA = 1e-6
NUMBERS = np.linspace(0, 100, 20_000)
DISTANCE, CARRIER = cut_numeric(NUMBERS), cut_categories({"AA": 5000, "UA": 5000})
COLUMNS = {
    "distance": BaselineColumn(Column("distance", Kind.NUMERIC), DISTANCE, DISTANCE.count(NUMBERS), (0.0, 100.0)),
    "carrier": BaselineColumn(
        Column("carrier", Kind.CATEGORICAL), CARRIER, CARRIER.count({"AA": 9000, "UA": 9000}, null=2000)
    ),
}
BASELINE = Baseline(
    "flights",
    1,
    BaselineKind.TRAINING,
    "here",
    20_000,
    START,
    COLUMNS,
    Signature(tuple(c.column for c in COLUMNS.values()), ()),
    id=1,
)


def profile(rows: int = 1000, *, requests: int | None = None, **about: Any) -> Profile:
    """Return a window of `rows` records in as many requests, or in fewer."""
    n = rows if requests is None else requests
    counts = {
        "distance": DISTANCE.count(np.linspace(0, 100, rows)),
        "carrier": CARRIER.count({"AA": rows}, null=0),
    }
    coverage = replace(Coverage(n, n, n, rows), **about)
    return Profile("flights", 1, window(0), Health(n), coverage, 1, counts)


def asked(one: Profile, *, baseline: Baseline | None = BASELINE, **rules: Any) -> dict[str, Finding]:
    settings = SETTINGS.model_copy(update={"quality": Quality(**rules)})
    return {f.check.name: f for f in quality(one, baseline, settings, alpha=ALPHA)}


def breaches(one: Profile, **rules: Any) -> list[str]:
    return sorted(name for name, f in asked(one, **rules).items() if f.verdict is Verdict.BREACH)


def test_whole_data_is_healthy_in_every_check() -> None:
    found = asked(profile())
    assert {f.verdict for f in found.values()} == {Verdict.HEALTHY}
    assert {f.check.cause for f in found.values()} == {Cause.QUALITY}
    assert sorted(found) == [
        "carrier/missing_column_rate",
        "carrier/wrong_type_rate",
        "distance/missing_column_rate",
        "distance/out_of_range_rate",
        "distance/wrong_type_rate",
        "duplicate_rate",
        "new_column_rate",
        "unreadable_rate",
    ]


@pytest.mark.parametrize(
    ("about", "check"),
    [
        ({"out_of_range": {"distance": 150}}, "distance/out_of_range_rate"),
        ({"faults": {"wrong_type:carrier": 150}}, "carrier/wrong_type_rate"),
        ({"faults": {"missing_column:distance": 150}}, "distance/missing_column_rate"),
        ({"faults": {"extra_column:gate": 300}}, "new_column_rate"),
        ({"copies": 300}, "duplicate_rate"),
        ({"decoded": 800}, "unreadable_rate"),
        ({"faults": {"response_broken_json": 100, "length_mismatch": 100}}, "unreadable_rate"),
    ],
)
def test_each_way_to_be_broken_breaches_its_own_check_alone(about: Mapping[str, Any], check: str) -> None:
    assert breaches(profile(**about)) == [check]


@pytest.mark.parametrize("k", [0, 1, 25, 70, 400])
def test_the_bound_is_clopper_and_pearsons_by_scipy(k: int) -> None:
    found = asked(profile(faults={"wrong_type:distance": k}))["distance/wrong_type_rate"]
    exact = stats.binomtest(k, 1000, alternative="greater").proportion_ci(1 - ALPHA, method="exact").low
    assert (found.statistic, found.n, found.threshold) == (k / 1000, 1000, 0.02)
    assert found.bound == pytest.approx(exact, rel=1e-6)
    assert (found.verdict is Verdict.BREACH) == (exact > 0.02)


def test_beyond_the_range_counts_only_what_the_baseline_cannot_have_had() -> None:
    """None of 20,000 leaves open one in 2,900, with 99.9 %."""
    found = asked(profile(out_of_range={"distance": 150}))["distance/out_of_range_rate"]
    low = stats.binomtest(150, 1000, alternative="greater").proportion_ci(1 - ALPHA, method="exact").low
    high = stats.binomtest(0, 20_000, alternative="less").proportion_ci(1 - 1e-3, method="exact").high
    assert found.bound == pytest.approx(low - high, rel=1e-6)


def test_a_column_left_out_as_often_as_it_was_null_is_nothing_new() -> None:
    """A tenth of the baseline's carriers are null."""
    assert breaches(profile(faults={"missing_column:carrier": 110})) == []
    assert breaches(profile(faults={"missing_column:carrier": 250})) == ["carrier/missing_column_rate"]


def test_fifty_records_of_one_request_say_no_more_than_one() -> None:
    """All of one bad request of ten, with a hundred records each: certain if each record were a draw of its own."""
    faults = {"wrong_type:distance": 100}
    alone, batched = profile(faults=faults), profile(requests=10, faults=faults)
    assert asked(alone)["distance/wrong_type_rate"].verdict is Verdict.BREACH
    found = asked(batched)["distance/wrong_type_rate"]
    assert (found.verdict, found.reason, found.n) == (Verdict.INCONCLUSIVE, Reason.TOO_FEW_ROWS, 10)


def test_the_page_names_the_columns_that_no_signature_knows() -> None:
    found = asked(profile(faults={"extra_column:gate": 900, "extra_column:tail": 40}))["new_column_rate"]
    assert found.statistic == 0.9
    assert found.reported == (("column gate", 0.9), ("column tail", 0.04))


def test_columns_that_callers_may_send_are_left_out() -> None:
    both = profile(faults={"extra_column:gate": 900, "extra_column:customer": 1000})
    assert asked(both, ignore=("customer",))["new_column_rate"].reported == (("column gate", 0.9),)
    assert breaches(profile(faults={"extra_column:customer": 1000}), ignore=("customer",)) == []


def test_columns_that_may_shift_as_they_like_are_not_asked() -> None:
    settings = SETTINGS.model_copy(update={"drift": SETTINGS.drift.model_copy(update={"ignore": ("distance",)})})
    found = quality(profile(), BASELINE, settings, alpha=ALPHA)
    assert {f.check.column for f in found} == {"", "carrier"}


def test_nothing_is_asked_without_a_baseline_and_no_range_where_an_older_daemon_kept_none() -> None:
    assert asked(profile(), baseline=None) == {}
    old = replace(BASELINE, columns={name: replace(c, extremes=None) for name, c in COLUMNS.items()})
    assert "distance/out_of_range_rate" not in asked(profile(), baseline=old)


def test_no_rows_are_no_data() -> None:
    empty = replace(profile(0), coverage=Coverage(), columns={})
    assert {f.verdict for f in asked(empty).values()} == {Verdict.NO_DATA}


def test_other_tolerances_are_another_subject_and_those_of_drift_are_not_touched() -> None:
    stricter = SETTINGS.model_copy(update={"quality": Quality(duplicates=0.01)})
    for statistic, same in ((Statistic.DUPLICATES, False), (Statistic.KS, True), (Statistic.ERRORS_5XX, True)):
        check = Check(statistic)
        assert (subject(check, SETTINGS, 1) == subject(check, stricter, 1)) is same


Break = Callable[[LoggedRequest], LoggedRequest]


def rewritten(change: Callable[[dict[str, Any]], dict[str, Any]]) -> Break:
    def broken(row: LoggedRequest) -> LoggedRequest:
        (record,) = json.loads(row.request or "")["dataframe_records"]
        return replace(row, request=json.dumps({"dataframe_records": [change(record)]}))

    return broken


BROKEN: dict[str, Break] = {
    "distance/out_of_range_rate": rewritten(lambda r: {**r, "distance": r["distance"] * 1000}),
    "distance/wrong_type_rate": rewritten(lambda r: {**r, "distance": "far"}),
    "carrier/missing_column_rate": rewritten(lambda r: {"distance": r["distance"]}),
    "new_column_rate": rewritten(lambda r: {**r, "gate": "B7"}),
    "unreadable_rate": lambda row: replace(row, request=None),
}


def live(world: World, n: int, change: Break | None) -> Look:
    rows = requests(n)
    world.log.write(rows if change is None else map(change, rows))
    return world.look(at=after(n))


@pytest.mark.parametrize("check", BROKEN)
def test_broken_data_is_paged_once_for_each_stretch_and_never_trained_on(world: World, check: str) -> None:
    for n in range(4):
        live(world, n, None)
    for n in range(4, 9):
        seen = live(world, n, BROKEN[check])
    assert world.trail(check).phase is Phase.FIRING
    assert seen.decision.because is Because.DATA_BROKEN
    assert (world.told(), world.proposals()) == (["watch.data_is_broken"], [])
    (page,) = world.events()
    findings: Any = page.numbers["findings"]
    assert check in {f["check"] for f in findings}
    for n in range(9, 14):
        live(world, n, None)
    assert world.trouble() == {}
    for n in range(14, 18):
        live(world, n, BROKEN[check])
    assert (world.told(), world.proposals()) == (["watch.data_is_broken"] * 2, [])


def test_rows_that_are_delivered_twice_count_once_and_are_paged(world: World) -> None:
    for n in range(3):
        live(world, n, None)
    for n in range(3, 7):
        world.log.write(requests(n)[::2])
        seen = live(world, n, None)
    assert [(p.health.requests, p.coverage.copies) for p in seen.profiles] == [(100, 50)]
    assert world.trail("duplicate_rate").last.statistic == pytest.approx(1 / 3)
    assert (world.told(), world.proposals()) == (["watch.data_is_broken"], [])


def test_the_page_says_which_column_is_new(world: World) -> None:
    for n in range(6):
        live(world, n, BROKEN["new_column_rate"])
    (page,) = world.events()
    assert "new_column_rate (gate) 1 (certainly above" in page.sentence


def test_what_was_tolerated_is_not_told(begin: Begin) -> None:
    world = begin(quality=Quality(ignore=("gate",)))
    for n in range(6):
        live(world, n, BROKEN["new_column_rate"])
    assert (world.trouble(), world.told()) == ({}, [])


def test_drift_is_not_trained_on_while_the_data_is_broken_and_is_once_it_is_whole(world: World) -> None:
    for n in range(3):
        live(world, n, None)
    for n in range(3, 8):
        world.log.write(map(BROKEN["new_column_rate"], requests(n, shift=60)))
        world.look(at=after(n))
    assert world.proposals() == []
    world.live(range(8, 12), shift=60)
    assert len(world.proposals()) == 1


def test_what_is_uncertain_of_the_data_keeps_no_window_from_counting_as_steady(world: World) -> None:
    """Three of a hundred values of a wrong type are above what is tolerated, and not for certain."""
    for n in range(3):
        rows = requests(n)
        world.log.write([BROKEN["distance/wrong_type_rate"](r) if i < 3 else r for i, r in enumerate(rows)])
        seen = world.look(at=after(n))
    found = {f.check.name: f.verdict for f in seen.findings}
    assert found["distance/wrong_type_rate"] is Verdict.INCONCLUSIVE
    assert seen.profiles[0].steady is Verdict.HEALTHY
