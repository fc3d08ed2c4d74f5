"""Counts as bytes."""

import struct
import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from daemon.store.blob import pack, unpack

ANY = arrays(np.int64, st.integers(0, 300), elements=st.integers(-(2**63), 2**63 - 1))
SMALL = arrays(np.int64, st.integers(0, 300), elements=st.integers(0, 3))


@given(ANY | SMALL)
def test_counts_come_back_as_they_were(counts: np.ndarray[tuple[int], np.dtype[np.int64]]) -> None:
    found = unpack(pack(counts))
    assert found.dtype == np.int64
    assert found.tolist() == counts.tolist()


def test_counts_that_came_back_can_be_added_to() -> None:
    found = unpack(pack(np.array([1, 2])))
    found += 1
    assert found.tolist() == [2, 3]


@pytest.mark.parametrize(
    ("counts", "stored"),
    [
        ([1, 255], b"\x04" + struct.pack("<2B", 1, 255)),
        ([1, 256], b"\x05" + struct.pack("<2H", 1, 256)),
        ([1, 65_536], b"\x00" + struct.pack("<2i", 1, 65_536)),
        ([-1, 5], b"\x00" + struct.pack("<2i", -1, 5)),
        ([1, 2**31], b"\x01" + struct.pack("<2q", 1, 2**31)),
        ([-(2**63), 5], b"\x01" + struct.pack("<2q", -(2**63), 5)),
        ([], b"\x04"),
    ],
)
def test_the_bytes_are_little_endian_and_as_narrow_as_they_can_be(counts: list[int], stored: bytes) -> None:
    assert pack(np.array(counts, np.int64)) == stored


def test_what_an_older_daemon_stored_is_read() -> None:
    four_wide = struct.pack("<3i", 1, 258, 3)
    assert unpack(b"\x00" + four_wide).tolist() == [1, 258, 3]
    assert unpack(b"\x02" + zlib.compress(four_wide, 1)).tolist() == [1, 258, 3]


def test_mostly_empty_bins_take_a_fraction_of_their_room() -> None:
    counts = np.zeros(168, np.int64)
    counts[40:45] = 100
    assert len(pack(counts)) < 168 / 4


def test_what_does_not_compress_is_left_as_it_is() -> None:
    counts = np.random.default_rng(1).integers(0, 2**31, 500)
    assert len(pack(counts)) == 1 + 4 * 500
