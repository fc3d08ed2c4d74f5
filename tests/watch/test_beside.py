"""Whose are the errors? Two versions in the same minutes tell, where neither window nor version alone could."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from daemon.config.detection import Decide, Health
from daemon.config.endpoint import EndpointSettings
from daemon.domain.decision import Because
from daemon.domain.finding import Against, Cause, Finding, Reason, Verdict
from daemon.domain.profile import Coverage, Profile
from daemon.domain.profile import Health as Counted
from daemon.domain.remediation import Remedy, Standing, VersionVerdict
from daemon.domain.trail import Phase
from daemon.watch.beside import CEILING, HORIZON, Answered, errors_beside, gathered
from daemon.watch.sample import Slot
from detectors.coin_flip import RATIOS
from tests.watch.stories import START, window
from tests.watch.traffic import requests
from tests.watch.world import Begin, World

ALPHA = 1e-6
SETTINGS = EndpointSettings(name="flights", table="/t", model="m", decide=Decide(breaches=3, of=5))


def record(*good: int) -> list[VersionVerdict]:
    return [VersionVerdict("flights", "m", v, Standing.GOOD, "", START) for v in good]


def served(**versions: Sequence[Answered]) -> dict[Slot, Answered]:
    """Return what each version answered, window by window: `v2=[(requests, errors), ...]`."""
    return {(window(n).start, int(v[1:])): seen for v, windows in versions.items() for n, seen in enumerate(windows)}


def asked(
    answered: Mapping[Slot, Answered],
    *,
    version: int = 2,
    good: Sequence[int] = (1,),
    sharing: Sequence[int] = (1, 2),
    since: datetime = START,
    settings: EndpointSettings = SETTINGS,
) -> list[Finding]:
    """Ask of the newest window."""
    newest = max(start for start, _ in answered)
    n = (newest - START) // (window(1).start - START)
    one = Profile("flights", version, window(n), Counted(), Coverage(), None, {})
    return errors_beside(one, sharing, answered, record(*good), settings, since=since, alpha=ALPHA)


def said(answered: Mapping[Slot, Answered], **about: Any) -> Verdict:
    (found,) = asked(answered, **about)
    return found.verdict


WORSE = served(v1=[(400, 4)] * 6, v2=[(100, 12)] * 6)


def test_a_version_whose_errors_are_its_own_is_in_breach_against_the_one_beside_it() -> None:
    (found,) = asked(WORSE)
    assert (found.verdict, found.reason, found.check.name) == (
        Verdict.BREACH,
        Reason.CERTAINLY_BEYOND,
        "errors_beside",
    )
    assert (found.against, found.against_version) == (Against.BESIDE, 1)
    assert found.check.cause is Cause.HEALTH
    assert (found.n, found.threshold, found.bound) == (500, 1.5, 1.5)
    pooled = stats.contingency.odds_ratio([[60, 440], [20, 1980]], kind="sample").statistic
    assert found.statistic == pytest.approx(pooled, rel=0.02), "up to half an error on either side"


def test_an_incident_upstream_makes_more_flips_and_leaves_the_odds_alone() -> None:
    assert said(served(v1=[(400, 4)] * 3 + [(400, 120)] * 6, v2=[(100, 1)] * 3 + [(100, 31)] * 6)) is Verdict.HEALTHY


def test_what_no_window_alone_makes_certain_is_gathered_over_windows() -> None:
    """Three errors of thirty, beside one of a hundred and twenty."""
    windows = [said(thin(n)) for n in range(1, 9)]
    assert windows[-1] is Verdict.BREACH
    first = windows.index(Verdict.BREACH)
    assert first >= 2, "not certain at once"
    assert set(windows[:first]) == {Verdict.INCONCLUSIVE}


def thin(windows: int) -> dict[Slot, Answered]:
    return served(v1=[(120, 1)] * windows, v2=[(30, 3)] * windows)


def levels(windows: Sequence[tuple[Answered, Answered]], *, tolerated: float, rate: float) -> list[float]:
    """Each level by the book: Shiryaev and Roberts' recursion with the binomial distribution of scipy."""
    found = []
    for ratio in RATIOS:
        level = 0.0
        for (n, k), (n0, k0) in windows:
            better, null = (r * n / (r * n + n0) for r in (ratio, tolerated))
            likelihood = stats.binom.pmf(k, k + k0, better) / stats.binom.pmf(k, k + k0, null)
            level = min((rate + level) * likelihood, 4.0)
        found.append(float(level))
    return found


windows_of_both = st.lists(
    st.tuples(
        st.tuples(st.integers(50, 90), st.integers(1, 9)),
        st.tuples(st.integers(100, 400), st.integers(0, 9)),
    ),
    min_size=1,
    max_size=12,
)


@given(windows_of_both, st.sampled_from([1.0, 1.5, 1.9]))
def test_the_evidence_is_the_recursion_over_the_windows_and_needs_no_memory(
    windows: list[tuple[Answered, Answered]], tolerated: float
) -> None:
    mine, theirs = [m for m, _ in windows], [t for _, t in windows]
    found = gathered(mine, theirs, tolerated=tolerated, rate=ALPHA)
    assert found.levels == pytest.approx(levels(windows, tolerated=tolerated, rate=ALPHA), rel=1e-9)


def test_two_versions_with_the_most_that_is_tolerated_keep_the_budget() -> None:
    """At a loosened budget, by simulation: alarms are no more than looks times the rate, within 4 standard errors."""
    rng, rate, looks, alarms = np.random.default_rng(7), 1e-3, 20_000, 0
    mine, theirs = rng.binomial(100, 1.5 * 0.01 / (1 + 0.5 * 0.01), looks), rng.binomial(400, 0.01, looks)
    start = 0
    for n in range(looks):
        span = slice(max(start, n - HORIZON + 1), n + 1)
        pairs = [(100, int(k)) for k in mine[span]], [(400, int(k)) for k in theirs[span]]
        if gathered(*pairs, tolerated=1.5, rate=rate).certain:
            alarms, start = alarms + 1, n + 1
    assert alarms <= looks * rate + 4 * (looks * rate) ** 0.5


def test_a_rise_that_does_not_matter_is_none_however_certain() -> None:
    """Half a per cent where the other has a twentieth of one: ten times the odds, and less than `health.errors`."""
    rare = served(v1=[(8000, 4)] * 8, v2=[(2000, 10)] * 8)
    assert said(rare) is Verdict.HEALTHY
    strict = SETTINGS.model_copy(update={"health": Health(errors=0.001)})
    assert said(rare, settings=strict) is Verdict.BREACH


def test_it_must_go_on_in_the_newest_window() -> None:
    assert said({**WORSE, (window(6).start, 1): (400, 4), (window(6).start, 2): (100, 0)}) is not Verdict.BREACH


def test_when_all_is_well_again_it_is_healthy_within_the_windows_of_a_decision() -> None:
    well = served(v1=[(400, 4)] * 12, v2=[(100, 12)] * 6 + [(100, 1)] * 6)
    (found,) = asked(well)
    assert found.verdict is Verdict.HEALTHY
    assert found.statistic is not None and found.statistic <= 0.8 * found.threshold


def test_levels_rise_no_higher_than_certain() -> None:
    mine, theirs = [(100, 50)] * 90, [(400, 4)] * 90
    assert max(gathered(mine, theirs, tolerated=1.5, rate=ALPHA).levels) == CEILING


def test_windows_from_before_the_traffic_was_divided_anew_do_not_count() -> None:
    assert said(WORSE, since=window(5).start) is not said(WORSE)
    assert said(WORSE, since=window(5).start + timedelta(seconds=1)) is Verdict.NO_DATA


def test_a_proven_version_is_held_against_one_that_was_there_before_it_and_never_the_other_way_round() -> None:
    assert said(WORSE, good=(1, 2)) is Verdict.BREACH
    older = served(v1=[(100, 12)] * 6, v2=[(400, 4)] * 6)
    assert asked(older, version=1, good=(1, 2)) == []


def test_nothing_is_asked_where_no_good_version_shares_the_traffic() -> None:
    assert asked(WORSE, good=()) == []
    assert asked(WORSE, sharing=(2,)) == []
    assert asked(WORSE, good=(2,)) == []


def test_a_window_that_only_one_of_them_answered_is_no_data_and_no_evidence() -> None:
    (found,) = asked({**WORSE, (window(6).start, 2): (100, 50)})
    assert (found.verdict, found.reason, found.statistic) == (Verdict.NO_DATA, Reason.NO_ROWS, None)


def test_of_several_the_one_that_answered_most_is_the_measure() -> None:
    answered = {**WORSE, **served(v3=[(200, 2)] * 6)}
    (found,) = asked(answered, good=(1, 3), sharing=(1, 2, 3))
    assert found.against_version == 1


def both(
    world: World, windows: range, *, version: int = 2, canary: Mapping[str, Any], stable: Mapping[str, Any]
) -> Any:
    for n in windows:
        world.traffic(n, version=version, **canary)
        seen = world.live([n], **stable)
    return seen


def test_errors_too_rare_for_any_window_to_tell_lead_to_a_rollback(world: World) -> None:
    """Six of sixty beside one of two hundred: a tenth is no certain breach of any window alone."""
    world.live(range(4), count=200)
    world.deploy({1: 80, 2: 20})
    both(world, range(4, 12), canary={"count": 60, "failed": 0.1}, stable={"count": 200, "failed": 0.005})
    assert world.trail("error_rate_5xx", version=2).phase is Phase.INACTIVE
    assert world.trail("errors_beside", version=2).phase is Phase.FIRING
    assert world.proposed() == [(Remedy.ROLLBACK, 2, 1)]


def test_an_incident_upstream_that_hits_both_rolls_nothing_back(world: World) -> None:
    world.live(range(4))
    world.deploy({1: 50, 2: 50})
    seen = both(world, range(4, 10), canary={"failed": 0.4}, stable={"failed": 0.4})
    assert seen.decision.because is Because.NOT_THE_VERSION
    assert world.proposals() == []
    assert world.told() == ["endpoint.changed", "watch.trouble_is_not_the_versions"]


def test_a_canary_that_is_hit_harder_while_both_fail_is_not_blamed_before_the_other_is_well(world: World) -> None:
    world.live(range(4))
    world.deploy({1: 50, 2: 50})
    seen = both(world, range(4, 10), canary={"failed": 0.9}, stable={"failed": 0.3})
    assert seen.decision.because is Because.NOT_THE_VERSION
    assert "version 1 fails beside it" in seen.decision.sentence.lower()
    assert world.proposals() == []
    both(world, range(10, 12), canary={"failed": 0.9}, stable={})
    assert world.proposed() == [(Remedy.ROLLBACK, 2, 1)]


def test_a_version_that_was_good_and_fails_alone_beside_an_older_good_one_is_rolled_back(world: World) -> None:
    """Compared with itself alone, nobody could tell whose fault it is."""
    world.live(range(4))
    world.deploy({1: 50, 2: 50})
    both(world, range(4, 9), canary={}, stable={})
    assert {v.version for v in world.record()} == {1, 2}
    both(world, range(9, 13), canary={"failed": 0.4}, stable={})
    assert world.trail("error_rate_5xx", version=2).last.against is Against.ITSELF
    assert world.proposed() == [(Remedy.ROLLBACK, 2, 1)]


def test_the_third_bad_window_still_decides(world: World) -> None:
    world.live(range(4))
    world.deploy({1: 80, 2: 20})
    both(world, range(4, 6), canary={"failed": 0.3}, stable={})
    assert world.proposals() == []
    both(world, range(6, 7), canary={"failed": 0.3}, stable={})
    assert world.proposed() == [(Remedy.ROLLBACK, 2, 1)]


def test_a_restart_changes_nothing_because_nothing_is_remembered(begin: Begin) -> None:
    """Every window is looked at by itself, or all of them in two looks: the evidence is the same."""
    ends = []
    for looks in (range(4, 10), (6, 9)):
        world = begin()
        world.live(range(4), count=200)
        world.deploy({1: 80, 2: 20})
        for n in range(4, 10):
            world.log.write(requests(n, 2, count=60, failed=0.1))
            world.traffic(n, count=200, failed=0.005)
            if n == 4:
                world.look(at=window(4).start)
            if n in looks:
                world.look(at=window(n).end + timedelta(minutes=5))
        ends.append(dict(world.trail("errors_beside", version=2).last.reported))
    assert ends[0] == ends[1]
