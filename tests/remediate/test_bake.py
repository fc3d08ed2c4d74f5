"""A canary beside its champion, told letter by letter: h healthy, b breach, i inconclusive, n no data, - not seen."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.domain.window import Window
from daemon.remediate.bake import Asked, bake
from daemon.remediate.journal import Outcome
from daemon.remediate.verify import Judged
from tests.remediate.stories import QUARTER, START
from tests.remediate.test_verify import LETTERS

ASKED = Asked(bake=timedelta(0), windows=3, requests=0, beside=50)
LATER = timedelta(days=1)
DONE, WAIT, UNFIT, FAILED = Outcome.DONE, Outcome.WAIT, Outcome.UNFIT, Outcome.FAILED


def judged(letters: str, requests: int = 100) -> list[Judged]:
    """Return a window a letter; one that was not seen leaves none, and a capital one has few requests."""
    return [
        Judged(window, LETTERS[letter.lower()], 10 if letter.isupper() else requests)
        for n, letter in enumerate(letters)
        if letter != "-" and (window := Window(START + n * QUARTER, START + (n + 1) * QUARTER))
    ]


def baked(challenger: str, champion: str, asked: Asked = ASKED, after: timedelta = LATER) -> Outcome:
    return bake(judged(challenger), judged(champion), asked, since=START, now=START + after).outcome


@pytest.mark.parametrize(
    ("challenger", "champion", "outcome"),
    [
        ("hhh", "hhh", DONE),
        ("hhh", "iii", DONE),
        ("hhh", "nnn", DONE),
        ("hh", "hh", WAIT),
        ("hhi", "hhh", WAIT),
        ("iii", "hhh", WAIT),
        ("hhb", "hhh", UNFIT),
        ("bhhh", "hhhh", UNFIT),
        ("b", "i", UNFIT),
        # the champion was not there, or hardly: nothing is compared
        ("hhh", "", WAIT),
        ("hhh", "hh-", WAIT),
        ("hhh", "HHH", WAIT),
        ("hhhhh", "hH-hh", DONE),
        ("b", "", FAILED),
        ("b", "H", FAILED),
        ("hhhb", "hhh-", FAILED),
        ("bb", "h-", UNFIT),
        # what hits both is nobody's own
        ("b", "b", WAIT),
        ("bbb", "bbb", WAIT),
        ("hhh", "bbb", WAIT),
        ("hhh", "hhb", WAIT),
        ("hhhh", "hbhh", DONE),
        ("bhhh", "bhhh", DONE),
        ("bb", "bh", UNFIT),
        # the champion in breach, but on hardly any requests: nobody stood beside
        ("b", "B", FAILED),
        ("", "hhh", WAIT),
        ("", "", WAIT),
    ],
)
def test_only_windows_in_which_the_champion_stood_beside_well_enough_say_anything(
    challenger: str, champion: str, outcome: Outcome
) -> None:
    assert baked(challenger, champion) is outcome


def test_it_bakes_by_time_however_soon_the_windows_are_there() -> None:
    asked = Asked(bake=timedelta(hours=2), windows=3, requests=0, beside=50)
    assert baked("hhh", "hhh", asked, timedelta(hours=2) - timedelta(seconds=1)) is WAIT
    assert baked("hhh", "hhh", asked, timedelta(hours=2)) is DONE
    assert baked("hhb", "hhh", asked, timedelta(hours=1)) is UNFIT, "a breach does not wait"


def test_it_bakes_by_rows_and_only_those_count_that_the_champion_stood_beside() -> None:
    asked = Asked(bake=timedelta(0), windows=1, requests=300, beside=50)
    assert baked("hh", "hh", asked) is WAIT
    assert baked("hhh", "hhh", asked) is DONE
    assert baked("hhh", "h-h", asked) is WAIT
    assert baked("hhh", "bhh", asked) is WAIT


def test_why_windows_do_not_count_is_told() -> None:
    seen = bake(judged("hhbh"), judged("hHb"), ASKED, since=START, now=START)
    assert seen.result["champion_in_breach"] == 1
    assert seen.result["champion_unseen"] == 2
    assert "1 do not count, because the champion was in breach as well" in seen.detail
    assert "2 do not count, because the champion answered too few requests" in seen.detail


LETTER = st.sampled_from("hbinHB-")


@given(pairs=st.lists(st.tuples(LETTER, LETTER), max_size=10))
def test_a_challenger_is_called_unfit_and_lets_go_on_only_by_windows_that_both_have_served(
    pairs: list[tuple[str, str]],
) -> None:
    challenger, champion = ("".join(letters) for letters in (zip(*pairs, strict=True) if pairs else ("", "")))
    outcome = baked(challenger, champion)
    own = [c for c, beside in pairs if c != "-" and beside in "hin"]
    assert (outcome is UNFIT) is any(c in "bB" for c in own)
    if outcome is DONE:
        assert [c.lower() for c in own if c not in "in"][-3:] == ["h"] * 3
        assert not any(c in "bB" and beside in "-HB" for c, beside in pairs)
