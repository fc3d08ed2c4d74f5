import json
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectors.bins import Bins, CategoricalBins, NumericBins, from_json, to_json

numeric = st.lists(st.floats(allow_nan=False, allow_infinity=False), unique=True).map(
    lambda x: NumericBins(tuple(sorted(x)))
)
categorical = st.builds(
    lambda named, rare, complete: CategoricalBins(tuple(named), frozenset(rare - set(named)), complete),
    st.lists(st.text(), unique=True),
    st.sets(st.text()),
    st.booleans(),
)


@given(numeric | categorical)
def test_bins_come_back_from_a_store_as_they_were(bins: Bins) -> None:
    assert from_json(json.loads(json.dumps(to_json(bins)))) == bins


@given(numeric)
def test_edges_come_back_bit_for_bit(bins: NumericBins) -> None:
    back = from_json(json.loads(json.dumps(to_json(bins))))
    assert isinstance(back, NumericBins)
    assert [struct.pack("d", edge) for edge in back.edges] == [struct.pack("d", edge) for edge in bins.edges]


@pytest.mark.parametrize(
    "stored",
    [
        {},
        {"kind": "text"},
        {"kind": "numeric"},
        {"kind": "numeric", "edges": 1.0},
        {"kind": "numeric", "edges": ["a"]},
        {"kind": "numeric", "edges": [None]},
        {"kind": "numeric", "edges": [2.0, 1.0]},
        {"kind": "categorical", "categories": ["a"], "rare": ["a"], "complete": True},
        {"kind": "categorical", "categories": ["a"], "rare": [], "complete": "yes"},
    ],
)
def test_what_describes_no_bins_is_refused(stored: dict[str, object]) -> None:
    with pytest.raises(ValueError):
        from_json(stored)
