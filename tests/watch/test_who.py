"""Which version answered: told by Databricks, learned by watching, or not known and said so."""

from datetime import datetime

import numpy as np

from daemon.domain.sample import HealthCount
from daemon.domain.serving import EndpointState, ServedEntity, Update
from daemon.watch.who import Entity, resolve
from detectors import latency
from tests.watch.stories import START, window

NOTHING = np.zeros(latency.BUCKETS, np.int64)


def count(entity_id: str, n: int) -> HealthCount:
    return HealthCount(window(n), entity_id, 10, 0, 0, NOTHING)


def serving(*versions: int, update: Update = Update.NONE) -> EndpointState:
    shares = {v: 100 // len(versions) for v in versions}
    served = tuple(ServedEntity(f"m-{v}", "m", v, share) for v, share in shares.items())
    return EndpointState("flights", 1, served, True, update)


def resolved(
    *counts: HealthCount, state: EndpointState, changed_at: datetime, told: dict[str, Entity] | None = None
) -> dict[str, Entity]:
    return resolve(counts, told=told or {}, learned={}, state=state, changed_at=changed_at)[0]


def test_what_databricks_tells_is_believed() -> None:
    told = {"a": ("m", 1), "b": ("m", 2)}
    assert resolved(count("a", 0), count("b", 0), state=serving(1, 2), changed_at=START, told=told) == told


def test_an_unknown_id_is_learned_while_a_single_version_serves() -> None:
    entities, fresh = resolve([count("a", 3)], told={}, learned={}, state=serving(4), changed_at=window(3).start)
    assert entities == fresh == {"a": ("m", 4)}


def test_nothing_is_learned_from_a_window_that_began_before_the_last_change() -> None:
    assert resolved(count("a", 2), state=serving(4), changed_at=window(3).start) == {}


def test_nothing_is_learned_while_two_versions_serve_or_an_update_is_under_way() -> None:
    assert resolved(count("a", 5), state=serving(4, 5), changed_at=window(0).start) == {}
    updating = serving(4, update=Update.IN_PROGRESS)
    assert resolved(count("a", 5), state=updating, changed_at=window(0).start) == {}


def test_what_was_learned_before_is_remembered_and_what_is_told_wins() -> None:
    entities, fresh = resolve(
        [count("a", 5)],
        told={"a": ("m", 2)},
        learned={"a": ("m", 1), "b": ("m", 3)},
        state=serving(9),
        changed_at=window(0).start,
    )
    assert entities == {"a": ("m", 2), "b": ("m", 3)}
    assert fresh == {"a": ("m", 2)}


def test_what_was_told_of_an_id_that_answers_is_remembered_for_when_nobody_tells() -> None:
    told = {"a": ("m", 1), "silent": ("m", 2)}
    assert resolve([count("a", 0)], told=told, learned={}, state=serving(1), changed_at=START)[1] == {"a": ("m", 1)}
    assert resolve([count("a", 0)], told=told, learned=told, state=serving(1), changed_at=START)[1] == {}
