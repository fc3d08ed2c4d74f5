"""The order of decoding: shape by shape in bulk while that pays, then what is left one by one."""

import contextlib

import duckdb

from daemon.domain.sample import Batch, Sample
from daemon.domain.schema import Signature
from daemon.watch.columns import session
from daemon.watch.decode.exact import decode_exactly
from daemon.watch.decode.faults import Tally
from daemon.watch.decode.piece import Piece, joined
from daemon.watch.decode.swift import Plan, decode_swiftly
from daemon.watch.decode.waiting import chunks, lay_out, next_plan, strike_out

BULK = 64
"""Fewer documents than this are read faster one by one than planned for."""
ROUNDS = 6
"""Shapes that are read in bulk; the rest of a motley lot goes one by one."""


def decode(sample: Sample, signature: Signature) -> Batch:
    """Decode every row of the sample; count by reason what cannot be used. Never raises for what a payload says."""
    tally = Tally(len(sample.parts))
    pieces: list[Piece] = []
    tried: set[Plan] = set()
    with session() as duck:
        waiting = lay_out(duck, sample, signature, tally)
        while waiting >= BULK and len(tried) < ROUNDS and (plan := next_plan(duck, tried)):
            tried.add(plan)
            # a name that DuckDB cannot take for a column costs speed, not rows
            with contextlib.suppress(duckdb.Error):
                piece, requests = decode_swiftly(duck, plan, signature, tally, waiting)
                pieces.append(piece)
                waiting -= requests
                if waiting:
                    strike_out(duck)
        if waiting:
            pieces += [decode_exactly(chunk, signature, tally) for chunk in chunks(duck)]
    whole = joined(pieces, signature)
    return Batch(whole.part, whole.columns, tally.faults, tally.sampled, tally.decoded)
