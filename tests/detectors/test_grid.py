import math
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from detectors.grid import count

numbers = st.floats(allow_nan=False, allow_infinity=False)
nearby = st.floats(-1, 1) | st.integers(-5, 5).map(float)


@st.composite
def edges_and_numbers(draw: st.DrawFn) -> tuple[tuple[float, ...], NDArray[np.float64]]:
    """Edges of any crowding, and numbers among which are the edges themselves and their neighbours."""
    source = draw(st.sampled_from([numbers, nearby]))
    drawn = draw(st.lists(source, max_size=80))
    close = [math.nextafter(edge, -math.inf) for edge in drawn[:: draw(st.integers(1, 5))]]
    edges = sorted({edge for edge in drawn + close if math.isfinite(edge)})
    around = [math.nextafter(edge, end) for edge in edges for end in (-math.inf, math.inf)]
    x = np.array(edges + around + draw(st.lists(source)))
    return tuple(edges), x[np.isfinite(x)]


def binary_search(edges: tuple[float, ...], x: NDArray[np.float64]) -> list[int]:
    places = np.searchsorted(np.array(edges, dtype=np.float64), x, side="left")
    counts: list[int] = np.bincount(places, minlength=len(edges) + 1).tolist()
    return counts


@given(edges_and_numbers())
def test_it_finds_what_a_binary_search_finds(case: tuple[tuple[float, ...], NDArray[np.float64]]) -> None:
    edges, x = case
    places = [int(count(edges, x[i : i + 1]).argmax()) for i in range(len(x))]
    assert places == np.searchsorted(np.array(edges), x, side="left").tolist()
    assert count(edges, x).tolist() == binary_search(edges, x)


@given(edges_and_numbers(), st.data())
def test_what_is_skipped_and_what_is_not_finite_is_not_counted(
    case: tuple[tuple[float, ...], NDArray[np.float64]], data: st.DataObject
) -> None:
    edges, x = case
    x = np.concatenate((x, [np.nan, -np.nan, np.inf, -np.inf]))[data.draw(st.permutations(range(len(x) + 4)))]
    skip = np.array(data.draw(st.lists(st.booleans(), min_size=len(x), max_size=len(x))), np.bool_)
    assert count(edges, x, skip).tolist() == binary_search(edges, x[np.isfinite(x) & ~skip])
    assert count(edges, x).tolist() == binary_search(edges, x[np.isfinite(x)])


SMALLEST, LARGEST = 5e-324, 1.7976931348623157e308

CROWDED = [
    (),
    (0.0,),
    (1e-300, 1e300),
    (-LARGEST, LARGEST),
    (-LARGEST, 0.0, SMALLEST, LARGEST),
    (SMALLEST, 2 * SMALLEST, 3 * SMALLEST),
    (-1e300, *np.linspace(0, 1, 50).tolist(), 1e300),
    (0.0, 1.0, math.nextafter(1.0, 2.0), 32_768.0),
    # so far from zero that the first and the last cell hold no edge by themselves
    *(
        tuple(np.linspace(float.fromhex(low), float.fromhex(high), 12).tolist())
        for low, high in (
            ("-0x1.4a1e0574fa6cfp+41", "-0x1.4a1e0574fa18fp+41"),
            ("-0x1.8e3d9d0c56028p+47", "-0x1.8e3d9d0c5469bp+47"),
        )
    ),
    tuple(np.linspace(0, 1, 255).tolist()),
    tuple(np.linspace(0, 1, 256).tolist()),
    tuple(np.linspace(0, 1, 5_000).tolist()),
    tuple(np.geomspace(1e-12, 1e12, 63).tolist()),
    tuple((np.arange(64) * SMALLEST).tolist()),
]


@pytest.mark.parametrize("edges", CROWDED)
def test_it_is_exact_however_absurd_the_edges(edges: tuple[float, ...]) -> None:
    rng = np.random.default_rng(1)
    at = np.array([*edges, 0.0, LARGEST, -LARGEST, SMALLEST, -SMALLEST, *-np.geomspace(1, 1e20, 100)])
    spread = rng.choice([-1.0, 1.0], 2_000) * 10.0 ** rng.uniform(-320, 308, 2_000)
    x = np.concatenate((at, np.nextafter(at, 0), at * (1 - 1e-15), spread, rng.random(2_000)))
    assert count(edges, x).tolist() == binary_search(edges, x)
    x[::7], x[::11], x[::13] = np.nan, np.inf, -np.inf
    assert count(edges, x).tolist() == binary_search(edges, x[np.isfinite(x)])


COLUMNS: dict[str, Callable[[np.random.Generator], NDArray[np.float64]]] = {
    "normal": lambda rng: rng.normal(size=100_000),
    "lognormal": lambda rng: rng.lognormal(sigma=4, size=100_000),
    "cauchy": lambda rng: rng.standard_cauchy(100_000),
    "whole": lambda rng: rng.poisson(4, 100_000).astype(np.float64),
    "prices": lambda rng: np.where(rng.random(100_000) < 0.4, 0.0, np.round(rng.gamma(2, 20, 100_000), 2)),
}


@pytest.mark.parametrize("shape", COLUMNS)
def test_it_is_exact_on_columns_as_they_are_met(shape: str) -> None:
    x = COLUMNS[shape](np.random.default_rng(7))
    distinct = np.quantile(x, np.arange(1, 64) / 64, method="inverted_cdf")
    edges = tuple(np.unique(np.concatenate((distinct, np.nextafter(distinct, -np.inf)))).tolist())
    assert count(edges, x).tolist() == binary_search(edges, x)
