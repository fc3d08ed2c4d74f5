"""Every scenario again, with the daemon dead or unanswered at every moment: the same end, and not an effect more."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from daemon.config.remedies import Gate, Promote, Rollback
from daemon.domain.finding import Verdict
from daemon.domain.remediation import Remedy, Standing, State
from daemon.remediate.stale import ARCHIVED
from daemon.store import events
from tests.fakes import Effect
from tests.remediate.conftest import Tell
from tests.remediate.faults import LossyLedger
from tests.remediate.stories import DRIFT, MODEL, START, Story
from tests.remediate.test_archive import DAY, FILES
from tests.remediate.test_rollback import bad_release
from tests.remediate.test_vault import read

SHORT = {
    "promote": Promote(gates=(Gate(metric="auc", min=0.6),), canary=(20,), windows=1, requests=50),
    "rollback": Rollback(windows=1),
}


def retrain_and_promote(story: Story) -> None:
    story.fires(DRIFT)
    story.propose(Remedy.RETRAIN)
    story.live()


def roll_back(story: Story) -> None:
    bad_release(story).live()


def back_out_of_a_canary(story: Story) -> None:
    story.verdicts[2] = Verdict.BREACH
    story.propose(Remedy.PROMOTE, to=story.register())
    story.live()


def back_out_of_full_charge(story: Story) -> None:
    story.propose(Remedy.PROMOTE, to=story.register())
    story.live(until=State.VERIFYING)
    story.verdicts[2] = Verdict.BREACH
    story.live()


def mark_and_archive(story: Story) -> None:
    for n in range(2, 5):
        story.registry.add(MODEL, created_at=START - (200 - n) * DAY, files=FILES)
    for _ in ("mark", "archive"):
        while not story.opened():
            story.attempt(story.housekeep)
        story.live()
        story.now += story.settings.archive.wait
        story.seen()


PLAYS: dict[str, Callable[[Story], None]] = {
    play.__name__.replace("_", " "): play
    for play in (retrain_and_promote, roll_back, back_out_of_a_canary, back_out_of_full_charge, mark_and_archive)
}


@dataclass
class Watcher:
    """Sees each effect when it happens, and holds it against what must never be done."""

    story: Story | None = None
    seen: list[Effect] = field(default_factory=list)

    def __call__(self, effect: Effect) -> None:
        story = self.story
        assert story is not None
        if effect.call == "serving.update":
            traffic: dict[int, int] = effect.detail["traffic"]  # type: ignore[assignment]
            assert sum(traffic.values()) == 100
            for version in traffic:
                assert story.known().get(version) is not Standing.BAD, "traffic for a version known bad"
                assert ARCHIVED not in story.registry.version(MODEL, version).tags, "traffic for an archived version"
        if effect.call == "registry.remove_artifacts":
            version = int(effect.subject.rpartition("/")[2])
            assert (story.folder / "vault" / MODEL / f"{version}.json").exists(), "removed, and not in the vault"
        self.seen.append(effect)


def outcome(story: Story) -> dict[str, Any]:
    """Return all that must be the same however often the daemon died on the way."""
    with story.memory.read() as tx:
        told = [(e.kind, e.severity) for e in events.history(tx, limit=999)[::-1] if e.dedup_key]
    versions = [v.version for v in story.registry.versions(MODEL)]
    return {
        "ends": story.ends(),
        "steps": [(s.name, s.state) for r in story.history() for s in story.steps(r)],
        "effects": story.done(),
        "runs": len(story.jobs.runs),
        "traffic": story.traffic(),
        "champion": story.champion(),
        "known": story.known(),
        "tags": [sorted(story.registry.version(MODEL, v).tags) for v in versions],
        "artifacts": [read(story.registry.artifacts(MODEL, v)) for v in versions],
        "told": told,
        "left over": list((story.folder / "scratch").glob("*")),
    }


@pytest.fixture
def begin(tell: Tell) -> Tell:
    """Begin a story that is watched; `lose` is the effect whose reply gets lost."""

    def watched(*, lose: int = 0, looks: int = 1) -> Story:
        watcher = Watcher()
        watcher.story = tell(ledger=LossyLedger(lose=lose, watch=watcher), looks=looks, **SHORT)
        return watcher.story

    return watched


@pytest.fixture(params=PLAYS)
def play(request: pytest.FixtureRequest) -> Callable[[Story], None]:
    return PLAYS[request.param]


def test_undisturbed_each_play_has_its_end(begin: Tell) -> None:
    ends = {}
    for name, play in PLAYS.items():
        story = begin()
        play(story)
        ends[name] = [state for _, state in story.ends()]
    assert ends == {
        "retrain and promote": [State.SUCCEEDED, State.SUCCEEDED],
        "roll back": [State.SUCCEEDED],
        "back out of a canary": [State.FAILED],
        "back out of full charge": [State.FAILED],
        "mark and archive": [State.SUCCEEDED, State.SUCCEEDED],
    }


def test_dead_after_any_effect_or_without_its_reply_it_ends_as_undisturbed(
    begin: Tell, play: Callable[[Story], None]
) -> None:
    undisturbed = begin(looks=3)
    play(undisturbed)
    for n in range(1, len(undisturbed.ledger.effects) + 1):
        dead, unanswered = begin(looks=3), begin(looks=3, lose=n)
        dead.ledger.crash_after = n
        for story in (dead, unanswered):
            play(story)
            assert outcome(story) == outcome(undisturbed), f"effect {n}: {undisturbed.ledger.effects[n - 1]}"


def test_dead_after_any_write_it_ends_as_undisturbed(begin: Tell, play: Callable[[Story], None]) -> None:
    undisturbed = begin()
    play(undisturbed)
    for n in range(1, undisturbed.store.faults.begun + 1):
        story = begin()
        story.store.faults.crash_after = frozenset({n})
        play(story)
        assert outcome(story) == outcome(undisturbed), f"transaction {n}"


MOMENTS = st.frozensets(st.integers(1, 60), max_size=8)


@pytest.mark.parametrize("play", [retrain_and_promote, back_out_of_full_charge, mark_and_archive])
@given(dead=MOMENTS, refused=MOMENTS)
@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_dead_and_refused_again_and_again_it_ends_as_undisturbed(
    begin: Tell, play: Callable[[Story], None], dead: frozenset[int], refused: frozenset[int]
) -> None:
    stories = begin(), begin()
    stories[1].store.faults.crash_after, stories[1].store.faults.refuse = dead, refused
    for story in stories:
        play(story)
    assert outcome(stories[0]) == outcome(stories[1])
