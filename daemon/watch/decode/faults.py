"""Why something could not be used, counted for each part of a sample."""

from collections import Counter
from collections.abc import Iterable, Mapping
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray


class Fault(StrEnum):
    """Of a request: the first four, and those of its response. Of a value: the last three."""

    OVERSIZED = "oversized"
    """The table holds no body: it was over the size cap."""
    BROKEN_JSON = "broken_json"
    UNKNOWN_FORMAT = "unknown_format"
    """Not one of the four formats, or not consistent in itself."""
    LENGTH_MISMATCH = "length_mismatch"
    """As many predictions as records were expected; the inputs are used."""
    RESPONSE_OVERSIZED = "response_oversized"
    RESPONSE_BROKEN_JSON = "response_broken_json"
    RESPONSE_UNKNOWN_FORMAT = "response_unknown_format"
    WRONG_TYPE = "wrong_type"
    """Counted by column, as the two that follow: `wrong_type:<name>`."""
    MISSING_COLUMN = "missing_column"
    """A column of the signature that a record lacks."""
    EXTRA_COLUMN = "extra_column"
    """A column that the signature does not know. Callers can make up any number: only the first are named."""

    def of(self, column: str) -> str:
        """Return the name under which it is counted for a column."""
        return f"{self.value}:{column}"


class UnreadableError(Exception):
    """A body that cannot be read, and why."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(fault.value)
        self.fault = fault


OF_RESPONSE = {
    Fault.OVERSIZED: Fault.RESPONSE_OVERSIZED,
    Fault.BROKEN_JSON: Fault.RESPONSE_BROKEN_JSON,
    Fault.UNKNOWN_FORMAT: Fault.RESPONSE_UNKNOWN_FORMAT,
}


OF_ANSWERS = (*OF_RESPONSE.values(), Fault.LENGTH_MISMATCH)
"""What a request can have at most one of, and is decoded for all that."""
MOST_NAMED = 20
LONGEST_NAME = 80


class Tally:
    """What became of the requests and values of each part."""

    def __init__(self, parts: int) -> None:
        self.parts = parts
        self.sampled = [0] * parts
        self.decoded = [0] * parts
        self.faults: list[Counter[str]] = [Counter() for _ in range(parts)]

    def fault(self, part: int, fault: Fault, n: int = 1) -> None:
        if n:
            self.faults[part][fault.value] += n

    def missing(self, part: int, column: str, n: int) -> None:
        if n:
            self.faults[part][Fault.MISSING_COLUMN.of(column)] += n

    def wrong(self, part: int, column: str) -> None:
        self.faults[part][Fault.WRONG_TYPE.of(column)] += 1

    def extra(self, part: int, columns: Mapping[str, int]) -> None:
        """Count the records that have each of these unknown columns."""
        known = self.faults[part]
        for column, n in columns.items():
            # a name is whatever a caller wrote: half a character or a NUL is nothing that a store keeps
            name = "".join(c if c.isprintable() else "?" for c in column[:LONGEST_NAME])
            one = Fault.EXTRA_COLUMN.of(name)
            named = sum(other.startswith(Fault.EXTRA_COLUMN.of("")) for other in known)
            known[one if one in known or named < MOST_NAMED else Fault.EXTRA_COLUMN.value] += n

    def requests(self, part: NDArray[np.int32]) -> None:
        """Count decoded requests, given by their parts."""
        for index, n in enumerate(np.bincount(part, minlength=self.parts)):
            self.decoded[index] += int(n)

    def records(self, part: NDArray[np.int32], *, missing: Iterable[str], extra: Iterable[str]) -> None:
        """Count what all of these records, given by their parts, lack and have too much."""
        missing, extra = tuple(missing), tuple(extra)
        for index in np.flatnonzero(records := np.bincount(part, minlength=self.parts)):
            self.extra(int(index), dict.fromkeys(extra, int(records[index])))
            for column in missing:
                self.missing(int(index), column, int(records[index]))
