"""Counts as bytes: small, and the same on every machine."""

import zlib

import numpy as np
from numpy.typing import NDArray

FORMS = {0: "<i4", 1: "<i8", 4: "<u1", 5: "<u2"}
"""The narrowest that holds all counts is taken: most windows hold less than 256 rows in any bin."""
SQUEEZED = 2
WORTH = 0.5
"""Unpacking takes time, too: squeezing must save half."""


def pack(counts: NDArray[np.int64]) -> bytes:
    """Return a byte that names the form, then the counts, little-endian."""
    form = _form(counts)
    raw = counts.astype(FORMS[form]).tobytes()
    squeezed = zlib.compress(raw, 1)
    if len(squeezed) < WORTH * len(raw):
        return bytes([form | SQUEEZED]) + squeezed
    return bytes([form]) + raw


def unpack(stored: bytes) -> NDArray[np.int64]:
    """Return the counts that `pack` was given."""
    form, body = stored[0], stored[1:]
    raw = zlib.decompress(body) if form & SQUEEZED else body
    return np.frombuffer(raw, FORMS[form & ~SQUEEZED]).astype(np.int64)


def _form(counts: NDArray[np.int64]) -> int:
    least, most = (int(counts.min()), int(counts.max())) if counts.size else (0, 0)
    for form in (4, 5, 0):
        limits = np.iinfo(FORMS[form])
        if limits.min <= least and most <= limits.max:
            return form
    return 1
