"""Whether a right is held: what the workspace shows of an object's rights in, a verdict out. Pure.

What is shown to somebody who is no administrator may be a part: membership in groups for one, as groups hold groups.
So a right that nobody else holds either is missing, and one that a group holds of which nothing is known is unknown.
"""

import re

from daemon.domain.found import Kind, Principal, Rights
from daemon.setup.line import Verdict
from daemon.setup.needs import Need
from daemon.setup.seen import Answer

PERSON = re.compile(r"@|^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$")
"""A user or a service principal; any other principal is a group."""
ENOUGH = {
    "CAN_VIEW": ("CAN_VIEW", "CAN_QUERY", "CAN_MANAGE_RUN", "CAN_MANAGE", "IS_OWNER"),
    "CAN_QUERY": ("CAN_QUERY", "CAN_MANAGE"),
    "CAN_MANAGE": ("CAN_MANAGE", "IS_OWNER"),
    "CAN_MANAGE_RUN": ("CAN_MANAGE_RUN", "CAN_MANAGE", "IS_OWNER"),
    "CAN_USE": ("CAN_USE", "CAN_MONITOR", "CAN_MANAGE", "IS_OWNER"),
}
"""Which levels hold a level."""
NOT_IN_ALL = ("MANAGE", "EXTERNAL_USE_SCHEMA")
"""What ALL PRIVILEGES leaves out."""
NOT_THE_OWNERS = ("EXTERNAL_USE_SCHEMA",)
"""What has to be granted even to an owner."""
Judged = tuple[Verdict, str]


def judge(need: Need, answer: Answer[Rights], me: Principal, level: str = "") -> Judged:
    """Return the verdict and why. `level` is what an endpoint itself says of whoever asks."""
    if level:
        held = level in ENOUGH[need.right]
        return (Verdict.OK if held else Verdict.MISSING), f"{me.name} has {level}"
    rights = answer.value
    if rights is None:
        return (Verdict.MISSING if answer.gone else Verdict.UNKNOWN), answer.why
    if rights.owner in me.names and need.right not in NOT_THE_OWNERS:
        return Verdict.OK, "as its owner" if rights.owner == me.name else f"as its owner is {rights.owner}"
    holders = {who for right in _enough(need.right) for who in rights.holders.get(right, ())}
    if mine := holders & me.names:
        return _held(need, min(mine, key=lambda who: (who != me.name, who)), me)
    if rights.withheld:
        return Verdict.UNKNOWN, rights.withheld
    if groups := sorted(who for who in holders if not PERSON.search(who)):
        return Verdict.UNKNOWN, f"held by {', '.join(groups)}; the workspace does not say that {me.name} is among them"
    return Verdict.MISSING, f"not held by {me.name}, nor by a group"


def _held(need: Need, who: str, me: Principal) -> Judged:
    why = "granted" if who == me.name else f"granted to {who}"
    if need.right == "MANAGE" and need.kind is Kind.MODEL:
        return (
            Verdict.WARNING,
            f"{why}; the API's reference asks for its owner, and whether MANAGE is enough is not confirmed",
        )
    return Verdict.OK, why


def _enough(right: str) -> tuple[str, ...]:
    if right in ENOUGH:
        return ENOUGH[right]
    return (right,) if right in NOT_IN_ALL else (right, "ALL_PRIVILEGES")
