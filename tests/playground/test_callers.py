"""Callers side by side."""

import time

from playground.callers import Callers
from playground.process import Playground
from playground.traffic import Mix


def test_together_they_send_the_mix_and_their_answers_come_in_order(playground: Playground) -> None:
    mix = Mix(records_per_second=60, single_share=1.0)
    with Callers(playground.address, "air-time", mix, count=3) as callers:
        deadline = time.monotonic() + 60
        while len(callers.responses) < 30 and time.monotonic() < deadline:
            time.sleep(0.05)
    answers = callers.responses
    assert len(answers) >= 30
    assert [r.at for r in answers] == sorted(r.at for r in answers)
    assert {one.counts().sent > 0 for one in callers._each} == {True}
    assert {one._mix.records_per_second for one in callers._each} == {20.0}
