"""The second net under the logs: an event in, the same event without what must not be printed out.

The first net is not to log payloads and secrets at all. This one catches what an exception's text or a library
lets slip.
"""

import math
import re
from collections.abc import Mapping, MutableMapping
from datetime import datetime
from typing import Any

HIDDEN = frozenset({"payload", "request", "response", "token", "secret", "password", "authorization", "url"})
"""A field is dropped where the last word of its name is one of these: `client_secret`, but not `request_id`."""

SECRETS = re.compile(
    r"(?:dapi|dose)[0-9a-f]{32,}(?:-\d+)?"  # Databricks tokens and OAuth secrets
    r"|(?<=Bearer )\S+"
    r"|(?<=://)[^/\s@]*:[^/\s@]*(?=@)",  # user:password@host
    re.IGNORECASE,
)
MASK = "***"


def redact(_logger: object, _method: str, event: MutableMapping[str, Any]) -> Mapping[str, Any]:
    """Drop the fields that may hold a secret or a payload, and mask what looks like a secret in the others."""
    return {name: plain(value) for name, value in event.items() if not hidden(name)}


def hidden(name: str) -> bool:
    return re.split(r"[^a-z]", name.lower())[-1] in HIDDEN


def plain(value: object) -> object:
    """Turn a value into what every renderer can print, with no object left whose text nobody has looked at."""
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if isinstance(value, Mapping):
        return {str(k): plain(v) for k, v in value.items() if not hidden(str(k))}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(v) for v in value]
    return masked(value.isoformat() if isinstance(value, datetime) else str(value))


def masked(text: str) -> str:
    return SECRETS.sub(MASK, text)
