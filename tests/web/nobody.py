"""A desk that nobody sits at, for what machines ask."""

from collections.abc import Mapping, Sequence
from typing import Any

from daemon.domain.person import Done, Refused
from daemon.web.desk import Credentials, Stranger


class Nobody:
    TOKEN = "the token of nobody, 0123456789abcdef"

    def __init__(self) -> None:
        self.credentials = Credentials(self.TOKEN)

    def do(self, verb: str, written: Mapping[str, object], *, via: str) -> Done:
        raise Refused("nobody is there")

    def status(self) -> Mapping[str, Any]:
        raise Refused("nobody is there")

    def explain(self, short_id: str) -> Mapping[str, Any]:
        raise Refused("nobody is there")

    def finding(self, asked: str) -> Mapping[str, Any]:
        raise Refused("nobody is there")

    def pictures(self, asked: str) -> Sequence[str]:
        raise Refused("nobody is there")

    def hint(self, model: str) -> Sequence[str]:
        raise Refused("nobody is there")

    def turned_away(self, stranger: Stranger) -> None: ...

    def turned_away_many(self, strangers: int, last: Stranger) -> None: ...
