"""A link by which a person answers from a message: signed, and good for one verb on one gate of one plan, for a while.

It is used up because a gate is answered once. Nothing of it is kept: it is made when a message is sent. Pure.
"""

import hashlib
import hmac
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import parse_qsl, urlencode

VERBS = ("approve", "reject")
PURPOSE = "mlsteward link 1"
"""Signed along, so that nothing else that the same key may ever sign is a link."""
NAMES = ("id", "gate", "plan", "until", "signature")


@dataclass(frozen=True, slots=True)
class Link:
    verb: str
    remediation: str
    gate: str
    plan_hash: str
    until: int
    """Seconds since the epoch; good up to and including this second."""

    def holds_at(self, now: datetime) -> bool:
        return now.timestamp() <= self.until


def link_to(verb: str, remediation: str, gate: str, plan_hash: str, until: datetime) -> Link:
    return Link(verb, remediation, gate, plan_hash, int(until.astimezone(UTC).timestamp()))


def written(link: Link, key: str) -> str:
    """Return path and query of the link."""
    values = (link.remediation, link.gate, link.plan_hash, str(link.until), _signature(link, key))
    return f"/{link.verb}?{urlencode(dict(zip(NAMES, values, strict=True)))}"


def read(path: str, query: str, key: str) -> Link | None:
    """Return the link where the key has signed it, expired or not; None for anything else."""
    try:
        found = parse_qsl(query, keep_blank_values=True, strict_parsing=True, max_num_fields=len(NAMES))
    except ValueError:
        return None
    if path.lstrip("/") not in VERBS or path.count("/") != 1 or sorted(n for n, _ in found) != sorted(NAMES):
        return None
    values = dict(found)
    if not values["until"].isascii() or not values["until"].isdecimal() or len(values["until"]) > 12:
        return None
    link = Link(path[1:], values["id"], values["gate"], values["plan"], int(values["until"]))
    # bytes, because only those may hold anything: a str that is not ASCII would raise
    genuine = hmac.compare_digest(values["signature"].encode(errors="replace"), _signature(link, key).encode())
    return link if genuine else None


def _signature(link: Link, key: str) -> str:
    # JSON, so that no two links are one text
    what: Sequence[object] = [PURPOSE, link.verb, link.remediation, link.gate, link.plan_hash, link.until]
    return hmac.new(key.encode(), json.dumps(what).encode(), hashlib.sha256).hexdigest()
