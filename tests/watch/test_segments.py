"""Segments: a part of the traffic that drifts is found though the whole does not show it, and a mix is told apart."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from daemon.config.detection import Drift, Segments
from daemon.config.endpoint import EndpointSettings
from daemon.domain.baseline import Baseline, Segment
from daemon.domain.finding import Finding, Verdict
from daemon.domain.sample import Batch, CategoricalColumn, NumericColumn, Part
from daemon.domain.schema import Column, Kind, Signature
from daemon.domain.window import Window
from daemon.watch.baseline import from_batches
from daemon.watch.drift import drift
from daemon.watch.profile import profile
from daemon.watch.segments import choose, rows_of
from tests.fakes import LoggedRequest
from tests.watch.traffic import CARRIERS, after, entity, requests
from tests.watch.world import Begin, World

Columns = dict[str, NumericColumn | CategoricalColumn]

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
WINDOW = Window(NOON, NOON + timedelta(hours=1))
SIGNATURE = Signature((Column("distance", Kind.NUMERIC), Column("origin", Kind.CATEGORICAL)), ())
BY_ORIGIN = Segments(columns=("origin",))
BY_CARRIER = {"segments": Segments(columns=("carrier",))}
RULES = {"drift": Drift(design_effect=1), "segments": BY_ORIGIN}
SETTINGS = EndpointSettings(name="flights", table="/t", model="m", **RULES)  # type: ignore[arg-type]


def words(values: Sequence[str]) -> CategoricalColumn:
    dictionary = tuple(sorted(set(values)))
    return CategoricalColumn(np.array([dictionary.index(v) for v in values], np.int32), dictionary)


def numbers(values: Sequence[float] | NDArray[np.float64]) -> NumericColumn:
    return NumericColumn(np.asarray(values, np.float64), np.zeros(len(values), np.bool_))


def flights(distance: dict[str, NDArray[np.float64]]) -> Batch:
    """Return the flights from each origin, one after the other."""
    origins = [origin for origin, flown in distance.items() for _ in flown]
    columns: Columns = {"distance": numbers(np.concatenate(list(distance.values()))), "origin": words(origins)}
    n = len(origins)
    return Batch(np.zeros(n, np.int32), columns, faults=[{}], sampled=[n], requests=[n])


def known(batch: Batch) -> Baseline:
    made = from_batches(
        [batch], SIGNATURE, endpoint="flights", version=1, source="here", rows=10**6, now=NOON, segments=BY_ORIGIN
    )
    return replace(made, id=1)


def found(before: Batch, now: Batch, check: str) -> Finding:
    baseline = known(before)
    seen = profile("flights", 1, [Part(WINDOW, "e", 1.0)], [], now, baseline)
    return next(f for f in drift(seen, baseline, None, SETTINGS) if f.check.name == check)


def test_the_largest_values_are_chosen_and_no_more_than_asked_for() -> None:
    held: Columns = {
        "origin": words(["JFK"] * 50 + ["EWR"] * 40 + ["LGA"] * 8 + ["HPN"] * 2),
        "hour": numbers([6.0] * 60 + [7.5] * 35 + [float("nan")] * 5),
    }
    by_both = Segments(columns=("origin", "hour", "nothing"), smallest=0.05)
    assert [one.name for one in choose(held, by_both)] == [
        "hour=6",
        "origin=JFK",
        "origin=EWR",
        "hour=7.5",
        "origin=LGA",
    ]
    assert [s.name for s in choose(held, by_both.model_copy(update={"most": 2}))] == ["hour=6", "origin=JFK"]


def test_a_null_belongs_to_no_segment_and_a_value_of_another_type_neither() -> None:
    origins = CategoricalColumn(np.array([0, -1, 0], np.int32), ("JFK",), np.array([True, True, False]))
    hours = NumericColumn(np.array([6.0, 6.0, 7.0]), np.array([False, True, False]))
    held: Columns = {"origin": origins, "hour": hours}
    rows = [rows_of(Segment(*one), held) for one in (("origin", "JFK"), ("hour", "6"), ("hour", "JFK"))]
    assert [None if one is None else one.tolist() for one in rows] == [
        [True, False, False],
        [True, False, False],
        [False, False, False],
    ]
    assert rows_of(Segment("carrier", "AA"), held) is None


@given(st.lists(st.tuples(st.floats(-10, 10), st.sampled_from("ABC")), min_size=1, max_size=60))
def test_segments_that_share_all_rows_add_up_to_the_whole(rows: list[tuple[float, str]]) -> None:
    before = flights({one: np.linspace(-5, 5, 100) for one in "ABC"})
    baseline = known(before)
    now = flights({one: np.array([x for x, origin in rows if origin == one]) for one in "ABC"})
    (seen,) = profile("flights", 1, [Part(WINDOW, "e", 1.0)], [], now, baseline)
    parts = [seen.columns[f"distance@origin={one}"] for one in "ABC"]
    assert np.sum(parts, axis=0).tolist() == seen.columns["distance"].tolist()
    assert [part.sum() for part in parts] == [sum(origin == one for _, origin in rows) for one in "ABC"]


def test_a_window_counts_of_a_segment_its_own_rows_only() -> None:
    baseline = known(flights({one: np.linspace(-5, 5, 100) for one in "AB"}))
    now = replace(flights({"A": np.zeros(3), "B": np.zeros(2)}), part=np.array([0, 1, 1, 0, 1], np.int32))
    now = replace(now, faults=[{}, {}], sampled=[2, 3], requests=[2, 3])
    later = Window(WINDOW.end, WINDOW.end + (WINDOW.end - WINDOW.start))
    seen = profile("flights", 1, [Part(WINDOW, "e", 1.0), Part(later, "e", 1.0)], [], now, baseline)
    counted = [{one: int(p.columns[f"distance@origin={one}"].sum()) for one in "AB"} for p in seen]
    assert counted == [{"A": 1, "B": 1}, {"A": 2, "B": 1}]


def test_of_a_certain_shift_it_is_told_whether_the_mix_or_the_values_moved() -> None:
    short, long = np.linspace(0, 10, 4_000), np.linspace(10, 20, 4_000)
    before = flights({"EWR": short, "JFK": long})
    more_from_jfk = found(before, flights({"EWR": short[::4], "JFK": long}), "distance/ks")
    assert more_from_jfk.verdict is Verdict.BREACH
    # of 5,000 rows 4,000 are from JFK, where half of them were
    assert dict(more_from_jfk.reported)["mix_of_origin"] == pytest.approx(0.3)
    assert dict(more_from_jfk.reported)["within_origin"] == pytest.approx(0.0, abs=1e-3)
    other_values = found(before, flights({"EWR": short + 5, "JFK": long}), "distance/ks")
    assert dict(other_values.reported)["mix_of_origin"] == 0.0
    # half of the rows moved by half of their spread
    assert dict(other_values.reported)["within_origin"] == pytest.approx(0.25, abs=1 / 64)


def test_rows_of_what_the_baseline_had_none_of_are_no_mix_of_it() -> None:
    before = flights({"EWR": np.linspace(0, 10, 4_000), "JFK": np.linspace(10, 20, 4_000)})
    strangers = found(before, flights({"HPN": np.linspace(30, 40, 4_000)}), "distance/ks")
    assert strangers.verdict is Verdict.BREACH
    assert {name for name, _ in strangers.reported}.isdisjoint({"mix_of_origin", "within_origin"})


def one_drifts(n: int, count: int = 800) -> list[LoggedRequest]:
    """Return a window in which the flights of one carrier are 60 miles longer."""
    return [
        one if i % len(CARRIERS) else other
        for i, (one, other) in enumerate(zip(requests(n, count=count), requests(n, count=count, shift=60), strict=True))
    ]


def test_one_client_that_drifts_is_found_though_the_whole_does_not_show_it(begin: Begin) -> None:
    world = begin(**BY_CARRIER)
    world.live(range(2), count=800)
    for n in range(2, 4):
        world.log.write(one_drifts(n))
        seen = world.look(at=after(n))
    verdicts = {f.check.name: f.verdict for f in seen.findings}
    assert verdicts["distance@carrier=AA/ks"] is Verdict.BREACH
    assert verdicts["distance@carrier=UA/ks"] is not Verdict.BREACH
    assert verdicts["distance/ks"] is not Verdict.BREACH
    assert "carrier@carrier=AA/linf" not in verdicts


def test_a_segment_without_rows_keeps_no_window_from_being_calm(begin: Begin) -> None:
    world = begin(**BY_CARRIER)
    calm = world.live(range(3), count=800)
    rows = [one for i, one in enumerate(requests(3, count=3200)) if i % len(CARRIERS)]
    world.log.write(rows)
    without_aa = world.look(at=after(3))
    told = {f.check.name: f.verdict for f in without_aa.findings}
    assert told["distance@carrier=AA/ks"] is Verdict.NO_DATA
    assert [p.steady for p in calm.profiles] == [Verdict.HEALTHY]
    # the whole has another mix of carriers: that is what may be held against it
    assert {p.steady for p in without_aa.profiles} != {Verdict.NO_DATA}


def test_segments_asked_for_later_make_a_new_baseline_once(world: World) -> None:
    world.live(range(2), count=800)
    old = world.baseline()
    world.change(segments=Segments(columns=("carrier", "tail")))
    (note,) = world.live([2], count=800).notes
    told, chosen, lacking = note.split("; ")
    assert told.endswith("1000 rows") and set(chosen.removeprefix("segments: carrier ").split(", ")) == set(CARRIERS)
    assert lacking == "no value of tail is frequent enough for a segment"
    new = world.baseline()
    assert old is not None and new is not None and new.id != old.id
    assert world.live([3], count=800).notes == []
    kept = world.baseline()
    assert kept is not None and kept.id == new.id


def test_where_it_cannot_be_made_anew_the_old_one_goes_on(world: World) -> None:
    world.live(range(2))
    world.registry.drop(world.settings["flights"].model, 1)
    world.change(segments=Segments(columns=("carrier",)))
    seen = world.live([2])
    assert seen.notes[0].startswith("version 1 has no baseline by these segments: ")
    assert {f.verdict for f in seen.findings if f.check.column == "distance"} != {Verdict.NO_DATA}
    assert entity(1) not in seen.unknown
