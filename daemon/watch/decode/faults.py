"""Why something could not be used, counted for each part of a sample."""

from collections import Counter
from collections.abc import Iterable
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
    MISSING_COLUMN = "missing_column"
    """A required column that a record lacks; counted as `missing_column:<name>`."""
    EXTRA_COLUMN = "extra_column"


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
            self.faults[part][f"{Fault.MISSING_COLUMN}:{column}"] += n

    def requests(self, part: NDArray[np.int32]) -> None:
        """Count decoded requests, given by their parts."""
        for index, n in enumerate(np.bincount(part, minlength=self.parts)):
            self.decoded[index] += int(n)

    def records(self, part: NDArray[np.int32], *, missing: Iterable[str], extra: int) -> None:
        """Count what all of these records, given by their parts, lack and have too much."""
        missing = tuple(missing)
        for index in np.flatnonzero(records := np.bincount(part, minlength=self.parts)):
            self.fault(int(index), Fault.EXTRA_COLUMN, extra * int(records[index]))
            for column in missing:
                self.missing(int(index), column, int(records[index]))
