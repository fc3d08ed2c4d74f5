"""The fairest comparison there is: itself when proven, a good one beside it, or the last good one before it."""

import numpy as np

from daemon.domain.finding import Against
from daemon.domain.profile import Coverage, Health, Profile
from daemon.domain.remediation import Standing, VersionVerdict
from daemon.watch.reference import reference
from detectors import latency
from tests.watch.stories import START, window


def health(requests: int) -> Health:
    return Health(requests, 0, 0, np.zeros(latency.BUCKETS, np.int64))


def profile(version: int, requests: int = 100) -> Profile:
    return Profile("flights", version, window(0), health(requests), Coverage(), None, {})


def record(*good: int, bad: tuple[int, ...] = ()) -> list[VersionVerdict]:
    standings = [(v, Standing.GOOD) for v in good] + [(v, Standing.BAD) for v in bad]
    return [VersionVerdict("flights", "m", v, standing, "", START) for v, standing in standings]


def chosen(one: Profile, *beside: Profile, known: list[VersionVerdict]) -> tuple[Against, int | None]:
    remembered = {v.version: health(1000) for v in known if v.standing is Standing.GOOD}
    found = reference(one, beside, record=known, remembered=remembered, requests=50)
    return found.against, found.version


def test_a_proven_version_is_compared_with_itself_even_beside_another() -> None:
    assert chosen(profile(2), profile(3), known=record(2)) == (Against.ITSELF, 2)


def test_a_new_version_is_compared_with_the_good_one_beside_it() -> None:
    assert chosen(profile(3), profile(2), known=record(1, 2)) == (Against.BESIDE, 2)


def test_a_version_beside_it_that_is_not_proven_or_hardly_asked_is_no_measure() -> None:
    assert chosen(profile(3), profile(4), known=record(2)) == (Against.BEFORE, 2)
    assert chosen(profile(3), profile(2, requests=49), known=record(2)) == (Against.BEFORE, 2)


def test_alone_it_is_compared_with_the_last_good_one_before_it() -> None:
    assert chosen(profile(3), known=record(2)) == (Against.BEFORE, 2)


def test_a_version_known_bad_is_no_measure() -> None:
    assert chosen(profile(3), profile(2), known=record(bad=(2,))) == (Against.NOTHING, None)


def test_the_very_first_version_has_nothing_to_be_compared_with() -> None:
    assert chosen(profile(1), known=[]) == (Against.NOTHING, None)
