"""What labels said is replayed as of the last count of each cohort, and where it cannot be, a note says so."""

import pytest

from daemon.config.detection import Level, Sensitivity
from daemon.domain.decision import Because
from daemon.domain.remediation import Remedy
from daemon.replay.labels import BY_RUN, LATE, UNCOUNTED
from tests.replay.again import Replays
from tests.watch.labels.test_look import CALM, FALLEN, RULES, served
from tests.watch.traffic import after
from tests.watch.world import FLIGHTS, World


@pytest.fixture
def fell(world: World) -> World:
    """An endpoint whose performance fell after four hours."""
    world.change(labels=RULES)
    served(world, range(16), CALM)
    served(world, range(16, 32), FALLEN)
    assert world.proposed() == [(Remedy.RETRAIN, 1, None)]
    return world


def test_a_fall_of_performance_is_found_when_its_cohort_was_counted_last(fell: World, again: Replays) -> None:
    outcome = again.of(fell, 0, 31)
    assert [d.because for d in outcome.decisions][-2:] == [Because.ALL_WELL, Because.PERFORMANCE_FELL]
    (found,) = [e for e in outcome.episodes if e.id == "flights:1:accuracy"]
    # counted for good an hour after it was counted first
    assert after(19) < found.believed_at <= after(20 + 4)
    assert outcome.proposed[-1].remedy == Remedy.RETRAIN
    assert LATE in outcome.notes


def test_what_was_counted_before_the_stretch_is_known_in_it(fell: World, again: Replays) -> None:
    outcome = again.of(fell, 30, 31)
    assert outcome.decisions[0].because == Because.PERFORMANCE_FELL


def test_nobody_knows_of_labels_before_they_were_counted(fell: World, again: Replays) -> None:
    outcome = again.of(fell, 0, 18)
    assert Because.PERFORMANCE_FELL not in {d.because for d in outcome.decisions}


def test_other_rules_of_judging_may_find_less(fell: World, again: Replays) -> None:
    patient = fell.settings[FLIGHTS].model_copy(update={"sensitivity": Sensitivity(concept=Level.WEEKLY)})
    outcome = again.of(fell, 0, 31, settings=patient)
    assert Because.PERFORMANCE_FELL not in {d.because for d in outcome.decisions}


def test_what_was_not_counted_by_these_rules_is_said_not_to_be_replayed(fell: World, again: Replays) -> None:
    settings = fell.settings[FLIGHTS]
    other = RULES.model_copy(update={"positive": "0"})
    outcome = again.of(fell, 0, 31, settings=settings.model_copy(update={"labels": other}))
    assert UNCOUNTED in outcome.notes
    by_run = RULES.model_copy(update={"baseline": "run"})
    outcome = again.of(fell, 0, 31, settings=settings.model_copy(update={"labels": by_run}))
    assert BY_RUN in outcome.notes
    assert Because.PERFORMANCE_FELL not in {d.because for d in outcome.decisions}
    without = RULES.model_copy(update={"table": None})
    assert again.of(fell, 0, 31, settings=settings.model_copy(update={"labels": without})).notes == []
