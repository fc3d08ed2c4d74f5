"""Bins of a baseline column, of either kind, and the JSON that a store keeps of them."""

from collections.abc import Mapping
from typing import Any

from detectors.categorical_bins import CategoricalBins, cut_categories
from detectors.numeric_bins import NumericBins, cut_numeric

__all__ = ["Bins", "CategoricalBins", "NumericBins", "cut_categories", "cut_numeric", "from_json", "to_json"]

Bins = NumericBins | CategoricalBins


def to_json(bins: Bins) -> dict[str, Any]:
    """Return what `json.dumps` can write and `from_json` reads back.

    Parameters
    ----------
    bins : NumericBins or CategoricalBins

    Returns
    -------
    dict
        Edges are Python floats, which JSON carries without loss.

    Examples
    --------
    >>> to_json(NumericBins((0.1, 2.0)))
    {'kind': 'numeric', 'edges': [0.1, 2.0]}
    """
    if isinstance(bins, NumericBins):
        return {"kind": "numeric", "edges": [float(edge) for edge in bins.edges]}
    return {
        "kind": "categorical",
        "categories": list(bins.categories),
        "rare": sorted(bins.rare),
        "complete": bins.complete,
    }


def from_json(stored: Mapping[str, Any]) -> Bins:
    """Return the bins that `to_json` described.

    Parameters
    ----------
    stored : mapping

    Returns
    -------
    NumericBins or CategoricalBins

    Raises
    ------
    ValueError
        If it does not describe bins.

    Examples
    --------
    >>> from_json({"kind": "numeric", "edges": [0.1, 2.0]})
    NumericBins(edges=(0.1, 2.0))
    """
    match stored:
        case {"kind": "numeric", "edges": [*edges]} if all(isinstance(edge, float | int) for edge in edges):
            return NumericBins(tuple(float(edge) for edge in edges))
        case {"kind": "categorical", "categories": [*categories], "rare": [*rare], "complete": bool(complete)}:
            return CategoricalBins(tuple(categories), frozenset(rare), complete)
    raise ValueError(f"not a description of bins: {dict(stored)!r:.200}")
