"""What is there and what is missing: settings and what was seen in, a line for each question out. Pure."""

import re
from collections.abc import Iterator
from datetime import datetime, timedelta

from daemon.config.endpoint import EndpointSettings
from daemon.config.settings import Settings
from daemon.domain.found import FoundWarehouse, Kind, Meeting, Principal
from daemon.setup.endpoint_lines import endpoint_lines
from daemon.setup.line import WORKSPACE, Line, Verdict
from daemon.setup.needs import Need, needs
from daemon.setup.rights import judge
from daemon.setup.seen import Answer, Seen
from daemon.setup.words import how, what

SKEW = timedelta(seconds=30)
"""Signed tokens and windows both bear less than a minute; the header says no more than the second."""
SOON = timedelta(days=14)
ADVICE = re.compile(r" \([^()]*\)$")
ASKED = "could not ask the workspace who we are: "
PERSONS = ("azure-cli", "databricks-cli", "external-browser")
"""Ways in that hang on a person's own login."""


def diagnose(settings: Settings, seen: Seen, *, now: datetime) -> list[Line]:
    """Return all lines, those of the workspace first. Nothing is said that the workspace did not tell."""
    meeting = seen.meeting.value
    if meeting is None:
        why = seen.meeting.why
        return [Line(WORKSPACE, "sign in", Verdict.MISSING, refusal(why), _way_in(why))]
    lines = [_signed_in(meeting), _ends(seen, meeting, now), _clock(seen.skew)]
    if seen.warehouse is not None:
        lines.append(_warehouse(seen.warehouse))
    for endpoint in settings.endpoints:
        about = seen.endpoints[endpoint.name]
        lines += endpoint_lines(endpoint, about, warehouse=seen.warehouse is not None, now=now)
        lines += _rights(settings, endpoint, seen, meeting.me)
    return lines


def refusal(why: str) -> str:
    """Return what keeps us out in a sentence, without what was asked and what a daemon would do about it."""
    return ADVICE.sub("", why).removeprefix(ASKED)


def _way_in(why: str) -> str:
    if "cannot be read" in why or "is not set" in why or "is empty" in why:
        return "put the secret where [workspace] says it is, or name the place where it is"
    if "cannot be reached" in why or "is away" in why:
        return "is [workspace] host right, and can this machine reach it?"
    if "renew the credentials" in why:
        return "make new credentials, and put them where [workspace] says they are"
    return "check [workspace]: host, and how the credentials are named"


def _signed_in(meeting: Meeting) -> Line:
    why = f"{meeting.kind}, as {meeting.me.name}, at {meeting.host}"
    if meeting.kind in PERSONS:
        remedy = "use a service principal: workspace.client_id and workspace.client_secret"
        return Line(WORKSPACE, "sign in", Verdict.WARNING, f"{why}: a person's login, which ends with it", remedy)
    return Line(WORKSPACE, "sign in", Verdict.OK, why)


def _ends(seen: Seen, meeting: Meeting, now: datetime) -> Line:
    label = "credentials last"
    if seen.token_ends is None:
        until = meeting.token_until
        fresh = f"the token until {until:%Y-%m-%d %H:%M} UTC, renewed by itself" if until else "renewed by themselves"
        return Line(WORKSPACE, label, Verdict.OK, f"{fresh}; the end of what they are renewed with is not told")
    ends = seen.token_ends.value
    if ends is None:
        return Line(WORKSPACE, label, Verdict.UNKNOWN, seen.token_ends.why, "User settings > Developer > Access tokens")
    dated = sorted(end for end in ends if end is not None)
    which = "" if len(ends) == 1 else f"of {len(ends)} tokens, which are not told apart, the first "
    if not ends:
        return Line(WORKSPACE, label, Verdict.UNKNOWN, "the workspace lists no access token of this principal")
    if not dated:
        return Line(WORKSPACE, label, Verdict.OK, "the access token has no end")
    if dated[0] - now < SOON:
        remedy = "make a new one and put it where [workspace] names it; or a service principal, whose tokens renew"
        return Line(WORKSPACE, label, Verdict.WARNING, f"{which}ends {dated[0]:%Y-%m-%d %H:%M} UTC", remedy)
    return Line(WORKSPACE, label, Verdict.OK, f"{which}ends {dated[0]:%Y-%m-%d}")


def _clock(skew: timedelta | None) -> Line:
    if skew is None:
        return Line(WORKSPACE, "clock", Verdict.UNKNOWN, "the workspace's answers carry no date")
    seconds = skew.total_seconds()
    if abs(skew) <= SKEW:
        return Line(WORKSPACE, "clock", Verdict.OK, f"within {max(1, round(abs(seconds)))} s of the workspace's")
    way = "behind" if seconds > 0 else "ahead of"
    why = f"this machine is {abs(seconds):.0f} s {way} the workspace: windows would be cut in the wrong place"
    return Line(WORKSPACE, "clock", Verdict.WARNING, why, "timedatectl set-ntp true")


def _warehouse(answer: Answer[FoundWarehouse]) -> Line:
    found = answer.value
    if found is None:
        verdict = Verdict.MISSING if answer.gone else Verdict.UNKNOWN
        return Line(WORKSPACE, "warehouse", verdict, answer.why, "SQL Warehouses: take the id of one that is there")
    why = f"{found.name} is {found.state}"
    if found.state in ("DELETING", "DELETED"):
        return Line(WORKSPACE, "warehouse", Verdict.MISSING, why, "set workspace.warehouse_id to another")
    if found.state in ("STOPPED", "STOPPING"):
        why += "; the first statement starts it, which takes its time and costs"
    elif found.state not in ("RUNNING", "STARTING"):
        return Line(WORKSPACE, "warehouse", Verdict.UNKNOWN, why)
    return Line(WORKSPACE, "warehouse", Verdict.OK, why)


def _rights(settings: Settings, endpoint: EndpointSettings, seen: Seen, me: Principal) -> Iterator[Line]:
    found = seen.endpoints[endpoint.name].endpoint.value
    for need in needs(settings, endpoint):
        if seen.rights[need.kind, need.object].gone and need.kind in (Kind.ENDPOINT, Kind.JOB):
            continue  # its own line has said so
        level = found.permission if found and need.object == endpoint.name and need.right.startswith("CAN_") else ""
        verdict, why = judge(need, seen.rights[need.kind, need.object], me, _known(level))
        yield Line(endpoint.name, what(need), verdict, why, _remedy(need, verdict, me), need.purposes, need.now)


def _known(level: str) -> str:
    return level if level in ("CAN_VIEW", "CAN_QUERY", "CAN_MANAGE") else ""


def _remedy(need: Need, verdict: Verdict, me: Principal) -> str:
    return "" if verdict is Verdict.OK else how(need, me.name)
