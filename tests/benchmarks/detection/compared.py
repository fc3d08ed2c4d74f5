"""Who is ahead: every cell in which a peer does better than mlsteward, named, and how many there are of which kind."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tests.benchmarks.detection.plan import Planted, Still
from tests.benchmarks.detection.results import ACT, DEFAULT, MATCHED, MATCHED_IID, Results

HOW = {DEFAULT: "by default", MATCHED: f"at a threshold of {MATCHED}", MATCHED_IID: f"at a threshold of {MATCHED_IID}"}


@dataclass(frozen=True, slots=True)
class Standing:
    """One peer with one threshold against what mlsteward acts upon, over the drifts beyond its tolerance."""

    rule: str
    threshold: str
    ahead: int
    """Cells in which mlsteward is sooner ..."""
    level: int
    behind: int
    """... and in which it is later."""
    middle: float
    """The median over cells of its delay less the peer's, in windows; of what one of them missed, infinite."""


def lost(results: Results, still: Sequence[Still], drifting: Sequence[Planted]) -> list[str]:
    """Return a sentence for each cell in which a peer does better."""
    return [*_noisier(results, still), *_later(results, drifting)]


def uncompared(results: Results, still: Sequence[Still], drifting: Sequence[Planted]) -> list[str]:
    """Return the cells in which nobody can be ahead: mlsteward was not seen there, or no peer was."""
    asked = [c for c in still if c.peer_weeks]
    rows = {**{c.name: results.still for c in asked}, **{c.name: results.planted for c in drifting}}
    found = []
    for name, known in rows.items():
        rules = {row.rule for row in known if row.cell == name}
        if ACT not in rules or all(rule.startswith("mlsteward") for rule in rules):
            found.append(name)
    return found


def standings(results: Results, drifting: Sequence[Planted], rules: Sequence[str]) -> list[Standing]:
    """Return how mlsteward stands against each peer with each threshold that makes false alarms equal."""
    found = []
    stated = [cell for cell in drifting if cell.drift.stated]
    for rule in rules:
        for threshold in (MATCHED, MATCHED_IID):
            pairs = [_both(results, cell.name, rule, threshold) for cell in stated]
            gaps = [_gap(*pair) for pair in pairs if pair is not None]
            if gaps:
                ahead, level, behind = (int((np.sign(gaps) == sign).sum()) for sign in (-1, 0, 1))
                found.append(Standing(rule, threshold, ahead, level, behind, float(np.median(gaps))))
    return found


def _noisier(results: Results, still: Sequence[Still]) -> list[str]:
    told = []
    for cell in still:
        mine = results.of(results.still, cell.name, ACT)
        if cell.seasonal or mine is None:
            continue
        for row in (r for r in results.still if r.cell == cell.name and not r.rule.startswith("mlsteward")):
            theirs = row.numbers["hours"]["a_year"]
            if theirs < mine["hours"]["a_year"]:
                told.append(
                    f"{cell.name}: {row.rule} raises {theirs:,.0f} false alarm-hours a year by default, "
                    f"mlsteward {mine['hours']['a_year']:,.1f}"
                )
    return told


def _later(results: Results, drifting: Sequence[Planted]) -> list[str]:
    told = []
    for cell in drifting:
        inside = "" if cell.drift.stated else " (within its tolerance: to be left alone)"
        for threshold, how in HOW.items():
            sooner = []
            for row in (r for r in results.planted if (r.cell, r.threshold) == (cell.name, threshold)):
                both = _both(results, cell.name, row.rule, threshold)
                if not row.rule.startswith("mlsteward") and both is not None and _gap(*both) > 0:
                    sooner.append(f"{row.rule} {_words(both[1])}")
            mine = results.of(results.planted, cell.name, ACT)
            if sooner and mine is not None:
                told.append(f"{cell.name}{inside}: mlsteward {_words(mine)}; {how} {'; '.join(sooner)}")
    return told


def missed(results: Results, drifting: Sequence[Planted]) -> list[str]:
    """Return the drifts beyond the tolerance that mlsteward did not find at every start."""
    found = []
    for cell in (c for c in drifting if c.drift.stated):
        mine = results.of(results.planted, cell.name, ACT)
        if mine is not None and mine["missed"]:
            found.append(f"{cell.name}: {mine['missed']} of {mine['starts']}")
    return found


def _both(results: Results, cell: str, rule: str, threshold: str) -> tuple[dict[str, Any], dict[str, Any]] | None:
    mine, theirs = results.of(results.planted, cell, ACT), results.of(results.planted, cell, rule, threshold)
    return (mine, theirs) if mine is not None and theirs is not None else None


def _gap(mine: dict[str, Any], theirs: dict[str, Any]) -> float:
    if mine["median"] is None and theirs["median"] is None:
        # neither finds half of them: who finds more is ahead
        return float(np.sign(mine["missed"] - theirs["missed"])) * np.inf if mine["missed"] != theirs["missed"] else 0.0
    return _windows(mine) - _windows(theirs)


def _windows(delay: dict[str, Any]) -> float:
    return np.inf if delay["median"] is None else float(delay["median"])


def _words(delay: dict[str, Any]) -> str:
    if delay["missed"] == delay["starts"]:
        return "never"
    more = f", {delay['missed']} of {delay['starts']} missed" if delay["missed"] else ""
    return ("of fewer than half" if delay["median"] is None else f"after {delay['median']:.0f}") + more
