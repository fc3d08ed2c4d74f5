"""What an update of an endpoint costs: loading takes its time, dividing the traffic anew does not."""

from datetime import UTC, datetime
from typing import cast

from playground.client import all_traffic_to
from playground.endpoint import Endpoint, Serving
from playground.endpoint_config import Config, ServedEntity, read_config
from playground.inference_table import InferenceTable
from playground.split import Split


def entity(name: str, version: str = "1") -> ServedEntity:
    return ServedEntity(name, "m", version, {}, 0)


def config(*entities: ServedEntity) -> Config:
    return Config(1, entities, dict.fromkeys((e.name for e in entities), 100 // len(entities)))


def serving(*entities: ServedEntity) -> Endpoint:
    table = cast(InferenceTable, None)  # nothing is called
    endpoint = Endpoint("flights", table, "somebody", datetime.now(UTC))
    endpoint.serving = Serving(config(*entities), {}, Split({})) if entities else None
    return endpoint


def test_what_stands_ready_need_not_be_loaded() -> None:
    ready = serving(entity("a"), entity("b"))
    assert not ready.lacks(config(entity("b"), entity("a")))
    assert not ready.lacks(config(entity("b")))


def test_what_is_new_has_to_be_loaded() -> None:
    ready = serving(entity("a"), entity("b"))
    assert ready.lacks(config(entity("a"), entity("b", version="2")))
    assert ready.lacks(config(entity("a"), entity("c"))), "as on the platform: under another name it is another one"
    assert serving().lacks(config(entity("a")))


def test_a_careful_person_keeps_the_version_before_ready() -> None:
    body = all_traffic_to("m", 3, keep=[2])
    assert read_config(body, current=None, now_ms=0).shares == {"m-3": 100, "m-2": 0}
    assert read_config(all_traffic_to("m", 3), current=None, now_ms=0).shares == {"m-3": 100}
