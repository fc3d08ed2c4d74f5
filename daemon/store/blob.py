"""Counts as bytes: small, and the same on every machine."""

import zlib

import numpy as np
from numpy.typing import NDArray

WIDE, SQUEEZED = 1, 2
_NARROW_LIMIT = np.iinfo(np.int32).max


def pack(counts: NDArray[np.int64]) -> bytes:
    """Return a byte that names the form, then the counts, little-endian."""
    narrow = counts.size == 0 or -_NARROW_LIMIT <= counts.min() <= counts.max() <= _NARROW_LIMIT
    raw = counts.astype("<i4" if narrow else "<i8").tobytes()
    squeezed = zlib.compress(raw, 1)
    form = 0 if narrow else WIDE
    # unpacking takes time, too: it must be worth it
    if len(squeezed) < 0.75 * len(raw):
        return bytes([form | SQUEEZED]) + squeezed
    return bytes([form]) + raw


def unpack(stored: bytes) -> NDArray[np.int64]:
    """Return the counts that `pack` was given."""
    form, body = stored[0], stored[1:]
    raw = zlib.decompress(body) if form & SQUEEZED else body
    return np.frombuffer(raw, "<i8" if form & WIDE else "<i4").astype(np.int64)
