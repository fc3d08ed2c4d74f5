"""A decision: what is to be done about an endpoint's findings, and why."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from daemon.domain.finding import Finding
from daemon.domain.remediation import Remedy


class Action(StrEnum):
    NOTHING = "nothing"
    REMEDIATE = "remediate"
    PAGE = "page"


class Because(StrEnum):
    """Why it was decided so."""

    ALL_WELL = "all_well"
    NOT_YET = "not_enough_windows_yet"
    BLIND = "no_valid_window"
    BEHIND = "still_catching_up"
    FLAPPING = "comes_and_goes"
    DRIFT = "certified_drift"
    PERFORMANCE_FELL = "performance_certainly_fell"
    DATA_BROKEN = "data_is_broken"
    VERSION_GOT_WORSE = "version_is_worse_than_the_last_good_one"
    NO_GOOD_VERSION = "no_known_good_version_to_go_back_to"
    NOT_THE_VERSION = "trouble_is_not_the_versions"
    UPSTREAM = "several_endpoints_are_ill_at_once"


@dataclass(frozen=True, slots=True)
class Decision:
    action: Action
    because: Because
    sentence: str
    """For the log and the page: what was seen, in one sentence."""
    evidence: tuple[Finding, ...] = ()
    remedy: Remedy | None = None
    version: int | None = None
    """The served version that the trouble is about."""
    target: int | None = None
    """The version to go to, where the remedy has one."""
    since: datetime | None = None
    """When the trouble began, in event time; of blindness: the end of what was seen last."""
    until: datetime | None = None
    """End of the newest window that the decision rests on."""
