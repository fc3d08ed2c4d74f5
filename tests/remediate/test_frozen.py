"""A plan keeps the world and the rules that it was made for, through the store and back."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from daemon.config.detection import Decide, Health
from daemon.config.endpoint import EndpointSettings
from daemon.config.remedies import Archive, Gate, Promote, Retrain, Rollback
from daemon.domain.remediation import Remedy
from daemon.remediate.frozen import RULES, Frozen, by_its_rules, freeze, rules, thaw
from daemon.store import remediations
from tests.remediate.stories import ENDPOINT, Story, proposal, settings_of


@pytest.mark.parametrize("standby", [True, False])
@pytest.mark.parametrize("remedy", [Remedy.PROMOTE, Remedy.ROLLBACK])
@pytest.mark.parametrize("version", [1, None])
def test_what_is_frozen_comes_back_from_the_store(
    story: Story, remedy: Remedy, version: int | None, standby: bool
) -> None:
    changes = {"alias": "in-charge", "canary": (5, 20), "standby": standby}
    settings = story.settings.model_copy(update={"promote": story.settings.promote.model_copy(update=changes)})
    story.serving.deploy(ENDPOINT, {1: 70, 2: 30, 3: 0})
    one = proposal(remedy, story.now)
    story.propose(remedy, plan=freeze(one, settings, story.serving.state(ENDPOINT), version))
    assert thaw(story.newest()) == Frozen({1: 70, 2: 30}, "in-charge", version, (5, 20), standby)
    assert story.newest().plan["config_version"] == 2


@pytest.mark.parametrize("remedy", [Remedy.RETRAIN, Remedy.ARCHIVE])
def test_what_touches_no_traffic_keeps_its_rules_alone(story: Story, remedy: Remedy) -> None:
    one = story.propose(remedy, plan={"phase": "mark"})
    plan = freeze(one, story.settings, story.serving.state(ENDPOINT), 1)
    assert plan == {"phase": "mark", "rules": rules(story.settings, remedy)}


def test_what_was_never_let_through_has_no_plan(story: Story) -> None:
    with pytest.raises(ValueError, match="has no plan"):
        thaw(story.propose(Remedy.ROLLBACK, to=1))


def test_a_plan_of_an_older_version_goes_by_the_settings_and_knows_no_standby(story: Story) -> None:
    old = {"config_version": 1, "traffic": {"1": 100}, "alias": "champion", "alias_version": 1, "canary": [10]}
    one = replace(proposal(Remedy.PROMOTE, story.now), plan=old)
    assert by_its_rules(one, story.settings) is story.settings
    assert thaw(one) == Frozen({1: 100}, "champion", 1, (10,), False)


def test_rules_of_an_older_version_take_the_defaults_for_what_they_lack(story: Story) -> None:
    one = replace(proposal(Remedy.ROLLBACK, story.now), plan={"rules": {"rollback": {"windows": 9}}})
    kept = by_its_rules(one, story.settings)
    assert (kept.rollback.windows, kept.rollback.timeout) == (9, Rollback().timeout)
    assert kept.health == story.settings.health


LENGTHS = st.integers(1, 10**12).map(lambda n: timedelta(microseconds=n))
SHARES = st.floats(0, 0.999)
WORDS = st.text("abc-é\\\"'", min_size=1, max_size=9)
NUMBERS = st.none() | st.floats(allow_nan=False, allow_infinity=False)
GATES = st.builds(
    Gate, metric=WORDS, min=st.floats(-9, 9), max=NUMBERS, champion=st.none() | WORDS, tolerance=st.floats(0, 9)
)
SECTIONS: dict[str, st.SearchStrategy[Any]] = {
    "retrain": st.builds(
        Retrain, job_id=st.none() | st.integers(1, 2**60), timeout=LENGTHS, cooldown=LENGTHS, new_rows=st.integers(0, 9)
    ),
    "promote": st.builds(
        Promote,
        gates=st.lists(GATES, max_size=3).map(tuple),
        canary=st.lists(st.integers(1, 99), unique=True, max_size=4).map(lambda steps: tuple(sorted(steps))),
        timeout=LENGTHS,
        bake=LENGTHS,
        alias=WORDS,
        standby=st.booleans(),
        ask_before=st.lists(st.sampled_from(["stage", "full", "alias"]), max_size=2).map(tuple),
        approval_tag=st.none() | WORDS,
    ),
    "rollback": st.builds(Rollback, timeout=LENGTHS, cooldown=LENGTHS, windows=st.integers(1, 9)),
    "archive": st.builds(
        Archive, folder=st.none() | WORDS.map(Path), older_than=LENGTHS, wait=LENGTHS, remove=st.booleans()
    ),
    "health": st.builds(Health, errors=SHARES, latency=st.floats(0, 9), requests=st.integers(10, 10**9)),
    "decide": st.builds(Decide, breaches=st.integers(1, 5), of=st.integers(5, 50)),
}


def test_every_section_that_a_remedy_goes_by_is_tried() -> None:
    assert {name for names in RULES.values() for name in names} == SECTIONS.keys()


@pytest.mark.parametrize("remedy", Remedy)
@given(sections=st.fixed_dictionaries(SECTIONS))
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_rules_come_back_from_the_store_to_the_last_digit(
    story: Story, remedy: Remedy, sections: dict[str, Any]
) -> None:
    planned = story.settings.model_copy(update=sections)
    one = replace(proposal(remedy, story.now), endpoint=f"at {story.store.faults.begun}")
    one = replace(one, id=one.endpoint, plan=freeze(one, planned, story.serving.state(ENDPOINT), 1))
    with story.store.begin() as tx:
        assert remediations.propose(tx, one)
        found = remediations.get(tx, one.id)
    assert found is not None
    assert found.plan["rules"] == rules(planned, remedy), "or what was approved would count as changed"
    assert found.plan_hash == one.plan_hash
    by_default = EndpointSettings(name="x", table="x", model="x")
    kept = by_its_rules(found, by_default)
    for name in SECTIONS:
        expected = planned if name in RULES[remedy] else by_default
        assert getattr(kept, name) == getattr(expected, name)


def test_a_change_of_any_rule_is_seen(tmp_path: Path) -> None:
    before = settings_of(tmp_path)
    after = before.model_copy(update={"decide": Decide(breaches=2)})
    seen = {remedy: rules(before, remedy) != rules(after, remedy) for remedy in Remedy}
    assert seen == {Remedy.RETRAIN: False, Remedy.PROMOTE: True, Remedy.ROLLBACK: True, Remedy.ARCHIVE: False}
