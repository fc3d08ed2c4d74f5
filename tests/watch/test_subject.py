"""What a trail is about: which settings make it another subject, and which do not."""

from datetime import timedelta
from typing import Any

import pytest

from daemon.config.detection import Level
from daemon.config.remedies import Modes, Rollback
from daemon.domain.finding import Check, Statistic
from daemon.domain.remediation import Mode
from daemon.watch.subject import subject
from tests.watch.stories import DRIFT, ERRORS
from tests.watch.world import settings

NULLS = Check(Statistic.NULLS, "carrier")
PLAIN = settings()


def changed(section: str, **values: Any) -> dict[str, Any]:
    return {section: getattr(PLAIN, section).model_copy(update=values)}


@pytest.mark.parametrize(
    ("change", "of_drift", "of_health"),
    [
        (changed("drift", tolerance=0.2), True, False),
        (changed("drift", psi=0.2), True, False),
        (changed("drift", missing=0.1), True, False),
        (changed("drift", false_alarms_per_year=9.0), True, True),
        (changed("drift", ignore=("carrier",)), False, False),
        (changed("drift", design_effect=3.0), True, False),
        (changed("sensitivity", feature=Level.DAILY), True, False),
        (changed("health", errors=0.2), False, True),
        (changed("health", latency=0.9), False, True),
        (changed("health", requests=99), False, True),
        (changed("decide", breaches=4), True, True),
        (changed("decide", of=9), True, True),
        (changed("decide", clear=9), True, True),
        (changed("decide", clear_below=0.5), True, True),
        (changed("decide", good=9), False, False),
        (changed("watch", window=timedelta(minutes=5)), True, True),
        (changed("watch", interval=timedelta(minutes=1)), False, False),
        (changed("watch", stale_after=timedelta(minutes=40)), False, False),
        ({"mode": Modes(rollback=Mode.OBSERVE)}, False, False),
        ({"rollback": Rollback(windows=9)}, False, False),
    ],
)
def test_a_trail_is_about_the_rules_that_judge_it(change: dict[str, Any], of_drift: bool, of_health: bool) -> None:
    other = PLAIN.model_copy(update=change)
    for check, differs in ((DRIFT, of_drift), (NULLS, of_drift), (ERRORS, of_health)):
        assert (subject(check, other, 7) != subject(check, PLAIN, 7)) == differs


def test_columns_are_compared_with_a_baseline_and_health_is_not() -> None:
    assert subject(DRIFT, PLAIN, 7) != subject(DRIFT, PLAIN, 8)
    assert subject(ERRORS, PLAIN, 7) == subject(ERRORS, PLAIN, 8)
