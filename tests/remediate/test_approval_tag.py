"""One word, wherever it was given: the registry's tag lets a plan through, and shows a word that came another way."""

from datetime import timedelta

import pytest

from daemon.config.remedies import Approve, Promote
from daemon.domain.remediation import Approval, Mode, Remedy, State
from daemon.ports import PlatformError
from daemon.remediate.approval_tag import BY_TAG
from daemon.remediate.circumstances import PLAN
from daemon.store import approvals, remediations
from tests.remediate.conftest import Tell
from tests.remediate.stories import AUTO, MODEL, Story
from tests.remediate.test_promote import promotion

TAG = "Approval_Check"


def story_of(tell: Tell, mode: Mode = Mode.APPROVE, **rules: object) -> Story:
    promote = Promote.model_validate({"canary": [20], "approval_tag": TAG, **rules})
    modes = AUTO.model_copy(update={"promote": mode})
    return tell(promote=promote, mode=modes, approve=Approve(within=timedelta(hours=2)))


@pytest.fixture
def asked(tell: Tell) -> Story:
    """A promotion that waits for a word."""
    story = promotion(story_of(tell))
    story.step()
    assert story.newest().state is State.AWAITING_APPROVAL
    return story


def says(story: Story, granted: bool = True) -> None:
    """Let a person answer by command or link: the word, and the move that follows from it."""
    one = story.newest()
    with story.memory.begin() as tx:
        assert approvals.answer(tx, Approval(one.id, PLAN, one.plan_hash, granted, "ana", "looks fine", story.now))
        assert remediations.move(tx, one, State.APPROVED if granted else State.REJECTED, now=story.now)


def tags(story: Story) -> dict[str, str]:
    return dict(story.registry.version(MODEL, 2).tags)


def word(story: Story) -> Approval:
    with story.memory.read() as tx:
        return approvals.of(tx, story.newest().id)[PLAN]


@pytest.mark.parametrize("value", ["approved", "Approved", "APPROVED"])
def test_the_tag_is_the_word_on_the_plan_that_waits(asked: Story, value: str) -> None:
    asked.registry.set_tag(MODEL, 2, TAG, value)
    asked.live()
    assert asked.newest().state is State.SUCCEEDED
    assert (word(asked).by, word(asked).plan_hash) == (BY_TAG, asked.newest().plan_hash)
    assert tags(asked) == {TAG: value}, "it is left as the person wrote it"


@pytest.mark.parametrize(("tag", "value"), [(TAG, "rejected"), (TAG, "pending"), (TAG, ""), ("other", "approved")])
def test_any_other_tag_is_no_word(asked: Story, tag: str, value: str) -> None:
    asked.registry.set_tag(MODEL, 2, tag, value)
    asked.live()
    assert asked.newest().state is State.EXPIRED
    assert len(asked.ledger.effects) == 1, "the tag was set by hand"


def test_a_tag_that_was_there_before_the_plan_is_the_word_on_it(tell: Tell) -> None:
    story = promotion(story_of(tell), tags={TAG: "approved"})
    assert story.live().newest().state is State.SUCCEEDED
    assert word(story).by == BY_TAG


def test_a_word_that_was_given_by_command_is_shown_in_the_registry_before_anything_else(asked: Story) -> None:
    says(asked)
    asked.live()
    assert asked.newest().state is State.SUCCEEDED
    assert tags(asked) == {TAG: "approved"}
    assert asked.done()[0] == ("registry.set_tag", TAG)
    assert asked.steps()[0].name == "approval-tag"


def test_a_tag_whose_call_was_lost_is_set_once(asked: Story) -> None:
    asked.registry.lose_reply("set_tag")
    says(asked)
    assert asked.live().newest().state is State.SUCCEEDED
    assert len(asked.ledger.of("registry.set_tag")) == 1


@pytest.mark.parametrize("value", ["rejected", "pending", ""])
def test_another_value_is_never_overwritten_and_ends_the_plan(asked: Story, value: str) -> None:
    says(asked)
    asked.registry.set_tag(MODEL, 2, TAG, value)
    before = len(asked.ledger.effects)
    asked.live()
    assert asked.newest().state is State.SUPERSEDED
    assert f"{TAG} = {value}" in asked.newest().outcome
    assert (tags(asked), len(asked.ledger.effects)) == ({TAG: value}, before)


@pytest.mark.parametrize("value", ["rejected", "pending"])
def test_who_takes_back_the_word_that_the_tag_was_has_the_last_one(asked: Story, value: str) -> None:
    asked.registry.set_tag(MODEL, 2, TAG, "approved")
    asked.live(until=State.EXECUTING)
    asked.registry.set_tag(MODEL, 2, TAG, value)
    asked.live()
    assert asked.newest().state is State.SUPERSEDED
    assert not asked.ledger.of("serving.update")


def test_a_tag_that_was_taken_away_is_not_set_again(asked: Story) -> None:
    asked.registry.set_tag(MODEL, 2, TAG, "approved")
    asked.live(until=State.EXECUTING)
    asked.registry.untag(MODEL, 2, TAG)
    asked.live()
    assert asked.newest().state is State.SUPERSEDED
    assert tags(asked) == {}


def test_a_no_by_command_is_a_no_whatever_the_tag_says_then(asked: Story) -> None:
    says(asked, granted=False)
    asked.registry.set_tag(MODEL, 2, TAG, "approved")
    assert asked.live().newest().state is State.REJECTED
    assert not asked.ledger.of("serving.update")
    assert not word(asked).granted


def test_the_tag_counts_for_a_promotion_alone(tell: Tell) -> None:
    modes = AUTO.model_copy(update={"rollback": Mode.APPROVE})
    story = tell(promote=Promote(approval_tag=TAG), mode=modes)
    bad = story.register(aliases=("champion",))
    story.serving.deploy("flights", {bad: 100})
    story.fires(version=bad)
    story.registry.set_tag(MODEL, 1, TAG, "approved")
    story.propose(Remedy.ROLLBACK, to=1, from_version=bad)
    for _ in range(3):
        story.step()
    assert story.newest().state is State.AWAITING_APPROVAL


def test_where_nobody_is_asked_no_tag_is_set_but_a_rejected_version_is_not_promoted(tell: Tell) -> None:
    story = promotion(story_of(tell, Mode.AUTO)).live()
    assert (story.newest().state, tags(story)) == (State.SUCCEEDED, {})
    other = promotion(story_of(tell, Mode.AUTO), tags={TAG: "rejected"}).live()
    assert other.newest().state is State.SUPERSEDED
    assert not other.ledger.effects


def test_a_registry_that_refuses_the_tag_keeps_the_plan_from_beginning(asked: Story) -> None:
    says(asked)
    asked.registry.fail_next(PlatformError("not allowed", permanent=True), call="set_tag")
    asked.live()
    assert asked.newest().state is State.FAILED
    assert not asked.ledger.of("serving.update")
