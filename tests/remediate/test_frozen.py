"""A plan keeps the world that it was made for, through the store and back."""

import pytest

from daemon.domain.remediation import Remedy
from daemon.ports import PlatformError
from daemon.remediate.frozen import Frozen, freeze, thaw
from tests.remediate.stories import ENDPOINT, Story, proposal


@pytest.mark.parametrize("remedy", [Remedy.PROMOTE, Remedy.ROLLBACK])
@pytest.mark.parametrize("alias", ["champion", "nobody-uses-it"])
def test_what_is_frozen_comes_back_from_the_store(story: Story, remedy: Remedy, alias: str) -> None:
    rules = story.settings.promote.model_copy(update={"alias": alias, "canary": (5, 20)})
    settings = story.settings.model_copy(update={"promote": rules})
    story.serving.deploy(ENDPOINT, {1: 70, 2: 30, 3: 0})
    one = proposal(remedy, story.now)
    story.propose(remedy, plan=freeze(one, settings, story.serving.state(ENDPOINT), story.registry))
    version = 1 if alias == "champion" else None
    assert thaw(story.newest()) == Frozen({1: 70, 2: 30}, alias, version, (5, 20))


@pytest.mark.parametrize("remedy", [Remedy.RETRAIN, Remedy.ARCHIVE])
def test_what_touches_no_traffic_asks_for_no_alias(story: Story, remedy: Remedy) -> None:
    story.registry.fail_next(PlatformError("away", permanent=False), call="alias")
    one = story.propose(remedy, plan={"phase": "mark"})
    assert freeze(one, story.settings, story.serving.state(ENDPOINT), story.registry) == {"phase": "mark"}


def test_what_was_never_let_through_has_no_plan(story: Story) -> None:
    with pytest.raises(ValueError, match="has no plan"):
        thaw(story.propose(Remedy.ROLLBACK, to=1))
