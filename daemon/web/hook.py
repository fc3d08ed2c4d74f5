"""What the webhook of an MLflow server says, and how it is known to be that server's own. Pure.

A good one is a hint to look now, and nothing else: what is done follows from what is then seen. MLflow sends it as best
it can, not after a restart and not for everything; polling stays the truth.
"""

import hashlib
import hmac
import json
from base64 import b64decode
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

PATH = "/hooks/mlflow"
FRESH = timedelta(minutes=5)
"""How far the time at which it was sent may lie from now: whoever caught one cannot send it again later."""
LONGEST_ID, LONGEST_TIME = 200, 11
VERSION = "v1"


@dataclass(frozen=True, slots=True)
class Claim:
    """What a delivery says of itself, before anything of it is believed."""

    delivery: str
    timestamp: str
    sent_at: datetime
    signature: bytes


def claim(headers: Mapping[str, str]) -> Claim | None:
    """Read the headers, None where they are not a webhook's."""
    delivery, timestamp = headers.get("x-mlflow-delivery-id", ""), headers.get("x-mlflow-timestamp", "")
    version, _, encoded = headers.get("x-mlflow-signature", "").partition(",")
    readable = timestamp.isascii() and timestamp.isdecimal() and len(timestamp) <= LONGEST_TIME
    if version != VERSION or not readable or not 0 < len(delivery) <= LONGEST_ID:
        return None
    try:
        return Claim(
            delivery, timestamp, datetime.fromtimestamp(int(timestamp), UTC), b64decode(encoded, validate=True)
        )
    except ValueError:
        return None


def fresh(said: Claim, now: datetime) -> bool:
    return abs(now - said.sent_at) <= FRESH


def signed(said: Claim, body: bytes, secret: str) -> bool:
    """Tell whether whoever sent it knows the secret: HMAC-SHA256 over delivery, time and the body as it came."""
    content = f"{said.delivery}.{said.timestamp}.".encode("latin-1", "replace") + body
    return hmac.compare_digest(hmac.digest(secret.encode(), content, hashlib.sha256), said.signature)


def model_of(body: bytes) -> str:
    """Return the registered model that it is about, empty where it is about none."""
    try:
        told = json.loads(body)
        return str(told["data"]["name"])
    except (KeyError, TypeError, ValueError):
        return ""


class Deliveries:
    """Those that came lately: each counts once. What was sent before this began may have come to the daemon before it.

    One that a server whose clock runs ahead sent shortly before a restart can count twice: a hint too many.
    """

    def __init__(self, began: datetime) -> None:
        # the time of a delivery has whole seconds
        self._began = began.replace(microsecond=0)
        self._seen: dict[str, datetime] = {}

    def first(self, said: Claim) -> bool:
        """Tell whether it is the first of its id, and remember it. Only what is signed may come here."""
        if said.sent_at < self._began:
            return False
        # one sent this much earlier is refused for its age, whatever is remembered of it
        oldest = said.sent_at - 2 * FRESH
        self._seen = {delivery: at for delivery, at in self._seen.items() if at >= oldest}
        if said.delivery in self._seen:
            return False
        self._seen[said.delivery] = said.sent_at
        return True
