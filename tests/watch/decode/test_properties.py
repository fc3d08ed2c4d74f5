"""Whatever the records, the format and the company they come in: what was written is what is read."""

import json
import random
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from daemon.domain.schema import Column, Kind, Role, Signature
from daemon.watch.decode import decode
from daemon.watch.decode.batch import BULK
from tests.watch.decode.payloads import ANSWERS, FORMS, Row, column, request, response, same, sample_of

NAMES = ("distance", "Distance", "dep delay", "carrier's", 'the "best"', "größe", "a.b", "x[1]", "select")
NUMBERS = st.none() | st.integers(-(2**53), 2**53) | st.floats(width=64)
LABELS = (
    st.none() | st.text(max_size=8) | st.sampled_from(["AA", "UA", "", "null", "[1]", '{"a"', "NaN", "é", "\u0000"])
)
PREDICTIONS = st.none() | st.floats()


@st.composite
def signatures(draw: st.DrawFn) -> Signature:
    names = draw(st.lists(st.sampled_from(NAMES), min_size=1, max_size=5, unique=True))
    kinds = draw(st.lists(st.sampled_from(list(Kind)), min_size=len(names), max_size=len(names)))
    inputs = tuple(Column(name, kind) for name, kind in zip(names, kinds, strict=True))
    return Signature(inputs, (Column("prediction", Kind.NUMERIC, Role.PREDICTION),))


@st.composite
def traffic(draw: st.DrawFn) -> tuple[Signature, list[Row], list[list[dict[str, Any]]]]:
    """A signature, rows of an inference table, and the records that each row carries."""
    signature = draw(signatures())
    names = [c.name for c in signature.inputs]
    value = {c.name: NUMBERS if c.kind is Kind.NUMERIC else LABELS for c in signature.inputs}
    record = st.fixed_dictionaries({**value, "prediction": PREDICTIONS})
    rows, truth = [], []
    for records in draw(st.lists(st.lists(record, min_size=1, max_size=3), min_size=1, max_size=4)):
        inputs = [{name: one[name] for name in names} for one in records]
        body = request(
            draw(st.sampled_from(FORMS)), inputs, names, **draw(st.sampled_from([{}, {"params": {"k": [1]}}]))
        )
        answer = response(draw(st.sampled_from(ANSWERS)), [one["prediction"] for one in records])
        rows.append(Row(body, answer))
        truth.append(records)
    return signature, rows, truth


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(traffic(), st.booleans())
def test_what_was_written_is_what_is_read(
    world: tuple[Signature, list[Row], list[list[dict[str, Any]]]], many: bool
) -> None:
    signature, rows, truth = world
    copies = BULK if many else 1
    batch = decode(sample_of(rows * copies), signature)
    assert [dict(f) for f in batch.faults] == [{}] * len(rows) * copies
    assert list(batch.requests) == [1] * len(rows) * copies
    for part in {0, len(rows) - 1, len(rows) * copies - 1}:
        for one in signature.columns:
            wanted = [record[one.name] for record in truth[part % len(rows)]]
            assert same(column(batch, one.name, part), wanted), one.name


@settings(max_examples=100, deadline=None)
@given(traffic(), st.randoms(use_true_random=False), st.booleans())
def test_a_mutilated_text_never_raises_and_every_request_is_accounted_for(
    world: tuple[Signature, list[Row], list[list[dict[str, Any]]]], chance: random.Random, many: bool
) -> None:
    signature, rows, _ = world
    rows = [*rows, *(Row(_mutilated(row.request, chance), _mutilated(row.response, chance)) for row in rows)]
    rows = rows * (BULK if many else 1)
    batch = decode(sample_of(rows), signature)
    whole = {"oversized", "broken_json", "unknown_format"}
    for part in range(len(rows)):
        refused = sum(n for fault, n in batch.faults[part].items() if fault in whole)
        assert batch.requests[part] + refused == batch.sampled[part] == 1
    assert all(len(column(batch, c.name)) <= batch.records for c in signature.columns)


def _mutilated(text: str | None, chance: random.Random) -> str:
    text = text or ""
    start, end = sorted(chance.randrange(len(text) + 1) for _ in range(2))
    end = min(end, start + 4)
    junk = "".join(chance.choice('{}[]",:0e-\\u null\ud800 ') for _ in range(chance.randrange(4)))
    mutilated = chance.choice([text[:start], text[:start] + junk + text[end:], text[:start] + text[end:], junk])
    return mutilated.encode("utf-8", "replace").decode()


SPELLED = "2.5,+2.5, 2.5 ,1_000,1__0,_1,1_,1e5,1e,1e400,-1e400,nan,-nan,NaN,inf,-inf,+inf,Infinity,infinit,0x10,true,t"
SPELLED += ",1.,.5,.,-,+,1.5f,1d,٣,1\u00a0,\t1\n,1;5,0b1,1e+5,1E5,00012,--1,1-1,1/2,$1"
TEXTS = st.text(max_size=3) | st.sampled_from(SPELLED.split(",")) | st.text("0123456789.eE+-_ ", max_size=5)
KEYS = ("dataframe_records", "dataframe_split", "instances", "inputs", "else")
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from([*NAMES, "columns", "data"]), inner),
    max_leaves=12,
)


@st.composite
def odd_ones(draw: st.DrawFn) -> tuple[Signature, Row, Row]:
    """A signature, a usual row, and one that is anything: made up, or the usual one with something changed."""
    signature, (usual, *_), _ = draw(traffic())
    if draw(st.booleans()):
        body: Any = {draw(st.sampled_from(KEYS)): draw(JSON)}
        answer: Any = {"predictions": draw(JSON)}
    else:
        body = _changed(json.loads(str(usual.request)), draw)
        answer = _changed(json.loads(str(usual.response)), draw)
    return signature, usual, Row(json.dumps(body), json.dumps(answer))


def _changed(value: Any, draw: st.DrawFn) -> Any:
    """Walk down to some place, and change, remove or add something there."""
    if isinstance(value, list) and value and draw(st.integers(0, 3)):
        place = draw(st.integers(0, len(value) - 1))
        return [*value[:place], _changed(value[place], draw), *value[place + 1 :]]
    if isinstance(value, dict) and value and draw(st.integers(0, 3)):
        key = draw(st.sampled_from(sorted(value)))
        return {**value, key: _changed(value[key], draw)}
    if isinstance(value, dict):
        kept = {key: inner for key, inner in value.items() if draw(st.integers(0, 3))}
        return {**kept, **draw(st.dictionaries(st.sampled_from([*NAMES, "gate"]), JSON, max_size=1))}
    return [*value, draw(JSON)] if isinstance(value, list) and draw(st.booleans()) else draw(JSON)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(odd_ones())
def test_any_json_at_all_is_read_or_counted_and_the_same_in_any_company(world: tuple[Signature, Row, Row]) -> None:
    signature, usual, odd = world
    alone = decode(sample_of([odd]), signature)
    for company in ([odd] * BULK, [usual] * BULK + [odd]):
        batch = decode(sample_of(company), signature)
        assert batch.faults[-1] == alone.faults[0]
        for one in signature.columns:
            assert same(column(batch, one.name, len(company) - 1), column(alone, one.name, 0)), one.name
