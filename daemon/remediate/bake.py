"""Has a canary proved itself? Only windows in which the champion served beside it can say. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from daemon.domain.finding import Verdict
from daemon.remediate.journal import Outcome, Seen
from daemon.remediate.verify import Judged, verify


@dataclass(frozen=True, slots=True)
class Asked:
    """What a step asks of a challenger before it goes on."""

    bake: timedelta
    windows: int
    requests: int
    beside: int
    """Requests that the champion must have answered in a window for it to count."""


def bake(
    challenger: Sequence[Judged], champion: Sequence[Judged], asked: Asked, *, since: datetime, now: datetime
) -> Seen:
    """Judge the windows of both since the traffic moved.

    1. A window counts where the champion answered enough requests in the same minutes and was not in breach itself:
       what hits both says nothing of the challenger.
    2. One breach of the challenger in such a window is its own, and it is unfit. One that nobody stood beside backs it
       out as well, but does not call it bad.
    3. Done: enough time, and healthy windows in a row, and requests. Anything else waits.
    """
    beside = {one.window: one for one in champion if one.requests >= asked.beside}
    ill = [one for one in challenger if one.window in beside and beside[one.window].verdict is Verdict.BREACH]
    paired = [one for one in challenger if one.window in beside and one not in ill]
    alone = [one for one in challenger if one.window not in beside]
    seen = _told(verify(paired, healthy=asked.windows, requests=asked.requests, breaches=1), len(ill), len(alone))
    if seen.outcome is Outcome.UNFIT:
        return seen
    if any(one.verdict is Verdict.BREACH for one in alone):
        return replace(seen, outcome=Outcome.FAILED, detail=f"in breach where no champion stood beside; {seen.detail}")
    if seen.outcome is Outcome.DONE and now - since < asked.bake:
        return replace(seen, outcome=Outcome.WAIT, detail=f"{seen.detail}; bakes for {asked.bake}")
    return seen


def _told(seen: Seen, ill: int, alone: int) -> Seen:
    words = [seen.detail]
    if ill:
        words.append(f"{ill} do not count, because the champion was in breach as well")
    if alone:
        words.append(f"{alone} do not count, because the champion answered too few requests beside it")
    numbers = {**seen.result, "champion_in_breach": ill, "champion_unseen": alone}
    return replace(seen, detail="; ".join(words), result=numbers)
