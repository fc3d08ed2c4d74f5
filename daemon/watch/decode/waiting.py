"""The requests that wait to be decoded: laid out for DuckDB, looked at for their shape, handed out in chunks."""

from collections import Counter
from collections.abc import Iterator

from duckdb import DuckDBPyConnection

from daemon.domain.sample import Sample
from daemon.domain.schema import Signature
from daemon.watch.decode.exact import Document, parse
from daemon.watch.decode.faults import Fault, Tally, UnreadableError
from daemon.watch.decode.shape import REQUEST_KEYS, RESPONSE_KEYS, Shape, locate, shape_of
from daemon.watch.decode.swift import Plan

EXAMPLES = 16
FEW = 64
CHUNK_CHARACTERS = 2**22
"""Text whose Python objects are held at a time: they take ten times its space, and a document can be a megabyte."""


def lay_out(duck: DuckDBPyConnection, sample: Sample, signature: Signature, tally: Tally) -> int:
    """Lay out what waits to be decoded, and return how many. A body that is not there is counted at once."""
    duck.register("rows", sample.rows)
    answered = "coalesce(status_code = 200, false)" if signature.outputs else "false"
    duck.execute(f"""
        CREATE TEMP VIEW readable AS SELECT * FROM (
            SELECT row_number() OVER () - 1 AS doc, part, {answered} AS answered, request, response FROM rows
        ) WHERE request IS NOT NULL""")
    duck.execute("CREATE TEMP VIEW waiting AS SELECT * FROM readable")
    sizes = duck.execute("SELECT part, count(*), count(request) FROM rows GROUP BY part").fetchall()
    for part, sampled, readable in sizes:
        tally.sampled[part] = sampled
        tally.fault(part, Fault.OVERSIZED, sampled - readable)
    return sum(readable for _, _, readable in sizes)


def strike_out(duck: DuckDBPyConnection) -> None:
    """Take the requests whose records are in the table `flat` off those that wait."""
    duck.execute("CREATE TEMP TABLE IF NOT EXISTS done (doc BIGINT)")
    duck.execute("INSERT INTO done SELECT DISTINCT doc FROM flat")
    duck.execute("CREATE OR REPLACE TEMP VIEW waiting AS SELECT * FROM readable ANTI JOIN done USING (doc)")


def next_plan(duck: DuckDBPyConnection, tried: set[Plan]) -> Plan | None:
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
        return shape_of(text, document, locate(document, keys))
    except UnreadableError:
        return None


def chunks(duck: DuckDBPyConnection) -> Iterator[list[Document]]:
    """Hand out what still waits."""
    found = duck.execute("SELECT part, answered, request, response FROM waiting")
    chunk: list[Document] = []
    size = 0
    while rows := found.fetchmany(FEW):
        for row in rows:
            chunk.append(Document(*row))
            size += len(chunk[-1].request)
            if size >= CHUNK_CHARACTERS:
                yield chunk
                chunk, size = [], 0
    yield chunk
