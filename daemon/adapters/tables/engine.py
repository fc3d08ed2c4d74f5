"""What reads one table: two do, delta-rs and a SQL warehouse."""

from typing import Any, Protocol

from daemon.adapters.tables.dialect import Dialect, Question
from daemon.ports import PlatformError


class QuestionError(PlatformError):
    """It is the question that an engine takes none of, and not the reading that failed."""

    def __init__(self, message: str, *, permanent: bool, said: str, missing: bool = False) -> None:
        super().__init__(message, permanent=permanent, missing=missing)
        self.said = said
        """The engine's own words, in a line."""


class Engine(Protocol):
    dialect: Dialect
    uri: str
    """What people call the table: it stands in messages."""
    name: str
    """What its SQL calls the table."""

    def refresh(self) -> int:
        """Take in what is there now. Return a number that stays the same as long as the rows do, or the columns."""

    def fields(self) -> dict[str, str]:
        """Return the columns and their types, by the names that Delta has for types, as of the last refresh."""

    def query(self, question: Question) -> Any:
        """Return an Arrow table with the answer."""

    def stream(self) -> Any:
        """Return all rows as an Arrow stream that is read once, batch by batch."""
