"""The world of a replay stands still: nothing in it can be changed, by whatever door."""

import pytest

from daemon.domain.serving import EndpointState, ServedEntity, Update
from daemon.ports import Jobs, PlatformError, Registry, Serving
from daemon.replay.still import Still

ANSWERED = {"state", "version", "loadable", "alias", "deployment_job"}
"""What guards ask."""


def doors() -> list[str]:
    return [name for port in (Serving, Registry, Jobs) for name in vars(port) if not name.startswith("_")]


@pytest.mark.parametrize("name", sorted(set(doors()) - ANSWERED))
def test_every_other_call_is_refused(name: str) -> None:
    with pytest.raises(PlatformError, match="a replay touches nothing"):
        getattr(Still(), name)("flights", 1)


def test_what_guards_ask_is_answered_by_what_served_then() -> None:
    still = Still()
    with pytest.raises(PlatformError, match="not replayed"):
        still.state("flights")
    still.now = EndpointState("flights", 3, (ServedEntity("m-2", "m", 2, 100),), True, Update.NONE)
    assert still.state("flights") is still.now
    assert still.alias("m", "champion") == 2
