"""Bins of a categorical column: the baseline's value counts in, frozen categories out; then mergeable counts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from detectors.counts import Counts, tally


@dataclass(frozen=True, slots=True)
class CategoricalBins:
    """A bin for each common category, and three for everything else.

    Counts are laid out as the categories in order, then OTHER, UNSEEN and
    NULL. Counts of two sets of rows add up to the counts of both.

    Attributes
    ----------
    categories : tuple of str
        Values with a bin of their own.
    rare : frozenset of str
        Values that the baseline held too seldom for that; counted as OTHER.
    complete : bool
        True if `categories` and `rare` are all that the baseline held. If
        not, never-seen cannot be told from rare: all strangers count as
        OTHER, and UNSEEN stays 0.

    Raises
    ------
    ValueError
        If a value is named twice.

    Examples
    --------
    >>> bins = CategoricalBins(("AA", "UA"), frozenset({"HA"}), complete=True)
    >>> bins.count({"UA": 5, "HA": 1, "XX": 2}, null=3).tolist()
    [0, 5, 1, 2, 3]
    """

    categories: tuple[str, ...]
    rare: frozenset[str]
    complete: bool

    def __post_init__(self) -> None:
        if len(set(self.categories)) < len(self.categories) or not self.rare.isdisjoint(self.categories):
            raise ValueError("a value is named twice among the categories and the rare")

    @property
    def other_bin(self) -> int:
        """Where rare values are counted."""
        return len(self.categories)

    @property
    def unseen_bin(self) -> int:
        """Where values that the baseline never held are counted."""
        return self.other_bin + 1

    @property
    def null_bin(self) -> int:
        """Where the rows without a value are counted."""
        return self.other_bin + 2

    @property
    def size(self) -> int:
        """Length of the counts: the categories, OTHER, UNSEEN and NULL."""
        return self.other_bin + 3

    def count(self, values: Mapping[str, int], null: int = 0) -> Counts:
        """Count rows whose values were counted already.

        Parameters
        ----------
        values : mapping of str to int
            Rows per distinct value.
        null : int
            Rows without a value.

        Returns
        -------
        ndarray of int64, shape (size,)

        Raises
        ------
        ValueError
            If a number of rows is negative.

        Examples
        --------
        >>> bins = CategoricalBins(("a",), frozenset(), complete=False)
        >>> bins.count({"a": 2, "b": 1}).tolist()
        [2, 1, 0, 0]
        """
        rows = np.fromiter(values.values(), dtype=np.int64, count=len(values))
        return self._add_up(self.codes(tuple(values)), rows, null)

    def codes(self, dictionary: Sequence[str]) -> NDArray[np.int64]:
        """Return the bin of each entry of a dictionary.

        Parameters
        ----------
        dictionary : sequence of str
            Distinct values, as a dictionary-encoded column carries them.

        Returns
        -------
        ndarray of int64, shape (len(dictionary),)

        Examples
        --------
        >>> CategoricalBins(("a",), frozenset({"b"}), complete=True).codes(["b", "a", "c"]).tolist()
        [1, 0, 2]
        """
        places = {category: place for place, category in enumerate(self.categories)}
        stranger = self.unseen_bin if self.complete else self.other_bin
        bins = (places.get(v, self.other_bin if v in self.rare else stranger) for v in dictionary)
        return np.fromiter(bins, dtype=np.int64, count=len(dictionary))

    def count_codes(self, codes: NDArray[np.integer], dictionary: Sequence[str]) -> Counts:
        """Count a dictionary-encoded column.

        Parameters
        ----------
        codes : ndarray of int, shape (rows,)
            Position of each row's value in `dictionary`, or -1 for null.
        dictionary : sequence of str

        Returns
        -------
        ndarray of int64, shape (size,)

        Raises
        ------
        ValueError
            If a code points outside `dictionary`.

        Examples
        --------
        >>> import numpy as np
        >>> bins = CategoricalBins(("a",), frozenset(), complete=True)
        >>> bins.count_codes(np.array([0, 1, 0, -1], dtype=np.int32), ["a", "new"]).tolist()
        [2, 0, 1, 1]
        """
        if len(codes) and not (codes.min() >= -1 and codes.max() < len(dictionary)):
            raise ValueError(f"a code points outside the {len(dictionary)} entries of the dictionary")
        rows = tally(codes.astype(np.int32, copy=False) + 1, len(dictionary) + 1)
        return self._add_up(self.codes(dictionary), rows[1:], int(rows[0]))

    def without_missing(self, counts: Counts) -> Counts:
        """Return the counts without NULL: the categories, OTHER and UNSEEN.

        Parameters
        ----------
        counts : ndarray of int64, shape (size,)

        Returns
        -------
        ndarray of int64, shape (size - 1,)

        Raises
        ------
        ValueError
            If `counts` are of other bins.

        Examples
        --------
        >>> import numpy as np
        >>> bins = CategoricalBins(("a",), frozenset(), complete=True)
        >>> bins.without_missing(np.array([7, 1, 0, 4])).tolist()
        [7, 1, 0]
        """
        if counts.shape != (self.size,):
            raise ValueError(f"{self.size} counts expected, not {counts.shape}")
        return counts[: self.null_bin]

    def _add_up(self, bins: NDArray[np.int64], rows: ArrayLike, null: int) -> Counts:
        counts = np.zeros(self.size, dtype=np.int64)
        np.add.at(counts, bins, rows)
        counts[self.null_bin] = null
        if np.min(rows, initial=0) < 0 or null < 0:
            raise ValueError("a number of rows is negative")
        return counts


def cut_categories(
    values: Mapping[str, int], *, smallest: float = 0.01, most: int = 200, remembered: int = 10_000
) -> CategoricalBins:
    """Choose the categories of a baseline column.

    Parameters
    ----------
    values : mapping of str to int
        Rows per distinct value. Values of no row are left aside.
    smallest : float, a share of the rows
        Values below it are rare.
    most : int
        Largest number of categories.
    remembered : int
        With more distinct values than this the rare ones are forgotten.

    Returns
    -------
    CategoricalBins
        Most frequent category first, equals by name.

    Raises
    ------
    ValueError
        If a number of rows is negative.

    Examples
    --------
    >>> cut_categories({"UA": 600, "AA": 396, "HA": 4})
    CategoricalBins(categories=('UA', 'AA'), rare=frozenset({'HA'}), complete=True)
    """
    if any(rows < 0 for rows in values.values()):
        raise ValueError("a number of rows is negative")
    held = {value: rows for value, rows in values.items() if rows > 0}
    enough = smallest * sum(held.values())
    by_frequency = sorted(held, key=lambda value: (-held[value], value))
    common = tuple(value for value in by_frequency[:most] if held[value] >= enough)
    complete = len(held) <= remembered
    rare = frozenset(held).difference(common) if complete else frozenset()
    return CategoricalBins(common, rare, complete)
