"""The order of decoding: shape by shape in bulk while that pays, then what is left one by one."""

import contextlib
from collections import Counter
from collections.abc import Iterator

import duckdb
from duckdb import DuckDBPyConnection

from daemon.domain.sample import Batch, Sample
from daemon.domain.schema import Signature
from daemon.watch.columns import session
from daemon.watch.decode.exact import Document, decode_exactly, parse
from daemon.watch.decode.faults import Fault, Tally, UnreadableError
from daemon.watch.decode.piece import Piece, joined
from daemon.watch.decode.shape import REQUEST_KEYS, RESPONSE_KEYS, Shape, locate, shape_of
from daemon.watch.decode.swift import Plan, decode_swiftly

BULK = 64
"""Fewer documents than this are read faster one by one than planned for."""
EXAMPLES = 16
ROUNDS = 6
"""Shapes that are read in bulk; the rest of a motley lot goes one by one."""
CHUNK = 256
"""Documents whose Python objects are held at a time: a document can be a megabyte."""


def decode(sample: Sample, signature: Signature, *, threads: int = 1) -> Batch:
    """Decode every row of the sample; count by reason what cannot be used. Never raises for what a payload says."""
    tally = Tally(len(sample.parts))
    pieces: list[Piece] = []
    tried: set[Plan] = set()
    with session(threads) as duck:
        waiting = _prepare(duck, sample, signature, tally)
        while waiting >= BULK and len(tried) < ROUNDS and (plan := _plan(duck, tried)):
            tried.add(plan)
            # a name that DuckDB cannot take for a column costs speed, not rows
            with contextlib.suppress(duckdb.Error):
                piece, requests = decode_swiftly(duck, plan, signature, tally)
                pieces.append(piece)
                waiting -= requests
        if waiting:
            pieces += [decode_exactly(chunk, signature, tally) for chunk in _chunks(duck)]
    whole = joined(pieces, signature)
    return Batch(whole.part, whole.columns, tally.faults, tally.sampled, tally.decoded)


def _prepare(duck: DuckDBPyConnection, sample: Sample, signature: Signature, tally: Tally) -> int:
    """Lay out what waits to be decoded, and return how many. A body that is not there is counted at once."""
    duck.register("rows", sample.rows)
    duck.execute("CREATE TEMP TABLE done (doc BIGINT)")
    answered = "coalesce(status_code = 200, false)" if signature.outputs else "false"
    duck.execute(f"""
        CREATE TEMP VIEW waiting AS SELECT * FROM (
            SELECT row_number() OVER () - 1 AS doc, part, {answered} AS answered, request, response FROM rows
        ) ANTI JOIN done USING (doc) WHERE request IS NOT NULL""")
    sizes = duck.execute("SELECT part, count(*), count(request) FROM rows GROUP BY part").fetchall()
    for part, sampled, readable in sizes:
        tally.sampled[part] = sampled
        tally.fault(part, Fault.OVERSIZED, sampled - readable)
    return sum(readable for _, _, readable in sizes)


def _plan(duck: DuckDBPyConnection, tried: set[Plan]) -> Plan | None:
    """Return what most of the first documents look like, None where nothing new is to be seen."""
    seen: Counter[Plan] = Counter()
    examples = duck.execute(f"SELECT answered, request, response FROM waiting LIMIT {EXAMPLES}").fetchall()
    for answered, request, response in examples:
        shape = _shape(request, REQUEST_KEYS)
        if shape:
            seen[Plan(shape, _shape(response, RESPONSE_KEYS) if answered and response else None)] += 1
    # a plan without a response reads only refused requests: the rarest kind of traffic
    by_use = sorted(seen, key=lambda plan: (plan.response is not None, seen[plan]), reverse=True)
    return next((plan for plan in by_use if plan not in tried), None)


def _shape(text: str, keys: tuple[str, ...]) -> Shape | None:
    try:
        document = parse(text)
        return shape_of(document, locate(document, keys))
    except UnreadableError:
        return None


def _chunks(duck: DuckDBPyConnection) -> Iterator[list[Document]]:
    found = duck.execute("SELECT part, answered, request, response FROM waiting")
    while chunk := found.fetchmany(CHUNK):
        yield [Document(*row) for row in chunk]

