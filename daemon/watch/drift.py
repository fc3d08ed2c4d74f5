"""Drift and broken data that are certain: windows of one served version in, findings of the newest out. Pure.

Every check is asked over the last s windows, for every scale s of its ladder. It is in breach where at one of them the
shift matters for certain and lies outside what the version's windows did by themselves (`detectors.certify`), unless a
shorter scale shows that it is over. The shortest scale that can tell speaks otherwise. A window that adds next to
nothing says nothing: what the windows before it showed has been told.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from daemon.config.endpoint import EndpointSettings
from daemon.domain.baseline import Baseline
from daemon.domain.finding import Cause, Check, Finding, Reason, Statistic, Verdict
from daemon.domain.history import History
from daemon.domain.profile import Profile
from daemon.watch.merged import Floats, Merged, merged
from daemon.watch.mix import mix
from daemon.watch.scales import WARNS, confidence, level_of, quality_level_of
from daemon.watch.spoken import Spoken, spoken
from daemon.watch.stack import missing_of
from detectors import certify, chi_square, jensen_shannon, ks, many_distances, many_psi
from detectors.answers import FEWEST_ROWS, Answer, Answers
from detectors.answers import Reason as Because
from detectors.bins import CategoricalBins
from detectors.many_psi import Indices

REASONS = {
    Because.BEYOND: Reason.CERTAINLY_BEYOND,
    Because.WITHIN: Reason.WITHIN_TOLERANCE,
    Because.NOT_CERTAIN: Reason.NOT_CERTAIN,
    Because.OWN_HISTORY: Reason.OWN_HISTORY,
    Because.TOO_FEW_ROWS: Reason.TOO_FEW_ROWS,
    Because.RESTLESS: Reason.RESTLESS,
    Because.NO_HISTORY: Reason.NO_HISTORY,
    Because.NOT_COVERED: Reason.TOO_FEW_ROWS,
    Because.EMPTY_BASELINE: Reason.EMPTY_BASELINE,
}
SHIFTS, SHARES = 2, 2
"""Checks of a column: how far it moved and how unstable it is; and the two kinds of what is no value, or a new one."""


@dataclass(frozen=True, slots=True)
class Asked:
    """One statistic of several columns, at both levels."""

    act: Answers
    says: Spoken
    """Of what is acted upon."""
    warned: tuple[Verdict, ...]

    @classmethod
    def of(cls, act: Answers, warn: Answers, settings: EndpointSettings) -> "Asked":
        below = settings.decide.clear_below
        return cls(act, spoken(act, clear_below=below), spoken(warn, clear_below=below).verdict)


def drift(
    profiles: Sequence[Profile], baseline: Baseline, history: History | None, settings: EndpointSettings
) -> list[Finding]:
    """Answer every check of every column on the newest window.

    Parameters
    ----------
    profiles
        Windows of one served version, oldest first and each once; the newest is the one that is judged. Those of
        another baseline, or shorter than the newest, are left out.
    history
        Without one nothing is certified, unless `drift.design_effect` says what it would.
    """
    columns = {name: known.column for name, known in sorted(baseline.columns.items())}
    names = [name for name, column in columns.items() if column.name not in settings.drift.ignore]
    alpha = confidence(settings, len(baseline.columns))
    found: list[Finding] = []
    for level in sorted(settings.sensitivity.levels):
        shifting = {name for name in names if level_of(settings, columns[name]) is level}
        broken = {name for name in names if quality_level_of(settings, columns[name]) is level}
        asked = [name for name in names if name in shifting | broken]
        if asked:
            now = merged(profiles, baseline, history, settings, level, asked)
            answers = [*_shifts(now, settings, alpha), *_shares(now, settings, alpha)]
            for place, name in enumerate(asked):
                wanted = [*SHIFTS * [name in shifting], *SHARES * [name in broken]]
                checks = zip(_checks(baseline, name), answers, wanted, strict=True)
                answered = [_finding(profiles[-1], c, a, now, place) for c, a, yes in checks if yes]
                found += [_in_parts(one, now, baseline, asked, place, alpha) for one in answered]
    return found


def _in_parts(one: Finding, now: Merged, baseline: Baseline, names: Sequence[str], place: int, alpha: float) -> Finding:
    """Say of a certain shift how much of it is another mix of segments."""
    if one.verdict is not Verdict.BREACH or one.check.cause is not Cause.DRIFT:
        return one
    scale = now.scales.index(int(dict(one.reported)["windows"]))
    return replace(one, reported=(*one.reported, *mix(now, baseline, names, scale, place, alpha=alpha)))


def _checks(baseline: Baseline, name: str) -> list[Check]:
    bins = baseline.columns[name].bins
    distance = Statistic.LINF if isinstance(bins, CategoricalBins) else Statistic.KS
    return [Check(statistic, name) for statistic in (distance, Statistic.PSI, *missing_of(bins))]


def _shifts(now: Merged, settings: EndpointSettings, alpha: float) -> Iterator[Asked]:
    moved = many_distances.measure(now.values, now.expected, now.categories)
    unstable = many_psi.measure(now.values, now.expected)
    act, warn = settings.drift.tolerance, settings.drift.tolerance / 2
    phi, covered = now.phi(None), now.covered
    yield Asked.of(
        certify.distances(moved, phi, covered, tolerance=act, alpha=alpha),
        certify.distances(moved, phi, covered, tolerance=warn, alpha=_loose(alpha)),
        settings,
    )
    # a stability index has its own meaning: half of it is no milder tolerance of the same thing
    instability = [
        certify.psi(unstable, moved, phi, covered, tolerance=settings.drift.psi, alpha=one)
        for one in (alpha, _loose(alpha))
    ]
    by_chance = (unstable.groups - 1) * _per_row(unstable.n, unstable.m)
    told, warned = (
        _within(replace(a, statistic=np.maximum(a.lower, a.statistic - by_chance)), unstable) for a in instability
    )
    yield Asked.of(told, warned, settings)


def _shares(now: Merged, settings: EndpointSettings, alpha: float) -> Iterator[Asked]:
    act, warn = settings.drift.missing, settings.drift.missing / 2
    for kind in range(SHARES):
        held = (now.missing[..., kind], now.rows, now.missing_before[..., kind], now.rows_before, now.phi(kind))
        yield Asked.of(
            certify.shares(*held, now.covered, tolerance=act, alpha=alpha),
            certify.shares(*held, now.covered, tolerance=warn, alpha=_loose(alpha)),
            settings,
        )


def _within(found: Answers, unstable: Indices) -> Answers:
    """Let an index count as within its tolerance where chance sways it by no more than a quarter of that.

    That twice the tolerance would have been certain takes more rows than many a baseline has: nothing would ever end.
    """
    sway = np.sqrt(2 * np.maximum(0, unstable.groups - 1)) * _per_row(unstable.n, unstable.m)
    calm = (found.reason == Because.TOO_FEW_ROWS) & (found.statistic <= found.threshold) & (found.n >= FEWEST_ROWS)
    calm &= (sway <= found.threshold / 4) & (unstable.groups > 1)
    answer = np.where(calm, str(Answer.WITHIN), found.answer)
    return replace(found, answer=answer, reason=np.where(calm, str(Because.WITHIN), found.reason))


def _per_row(n: Floats, m: Floats) -> Floats:
    some = (n > 0) & (m > 0)
    per_row: Floats = np.where(some, 1 / np.where(some, n, 1.0) + 1 / np.where(some, m, 1.0), 0.0)
    return per_row


def _loose(alpha: float) -> float:
    return min(0.5, WARNS * alpha)


def _finding(newest: Profile, check: Check, asked: Asked, now: Merged, place: int) -> Finding:
    answers, verdict = asked.act, asked.says.verdict[place]
    scale = int(asked.says.scale[place])
    n = int(answers.n[scale, place])
    reason = REASONS[Because(answers.reason[scale, place])]
    if not now.newest[place]:
        verdict, reason, n = Verdict.NO_DATA, Reason.NO_ROWS, 0
    elif now.thin[place] and verdict.valid:
        verdict, reason = Verdict.INCONCLUSIVE, Reason.TOO_FEW_ROWS
    told = verdict is not Verdict.NO_DATA
    return Finding(
        endpoint=newest.endpoint,
        version=newest.version,
        check=check,
        window=newest.window,
        verdict=verdict,
        reason=reason,
        n=n,
        statistic=float(answers.statistic[scale, place]) if told else None,
        bound=float(answers.lower[scale, place]) if told else None,
        threshold=answers.threshold,
        reported=_reported(check, answers, now, scale, place) if told else (),
        warns=asked.warned[place] is Verdict.BREACH and now.newest[place] > 0 and not now.thin[place],
    )


def _reported(check: Check, answers: Answers, now: Merged, scale: int, place: int) -> tuple[tuple[str, float], ...]:
    """Return numbers that people know and ask for. They decide nothing."""
    told = [("windows", float(now.scales[scale]))]
    natural = float(answers.natural[scale, place])
    if np.isfinite(natural):
        told.append(("own_history", natural))
    if answers.answer[scale, place] == Answer.CERTIFIED:
        told += _known_by_name(check.statistic, now, scale, place)
    return tuple(told)


def _known_by_name(statistic: Statistic, now: Merged, scale: int, place: int) -> Iterator[tuple[str, float]]:
    # what a baseline of phases expects need not be whole rows
    counts, before = now.values[scale, place], np.rint(now.expected_at(scale)[place]).astype(np.int64)
    held = (counts + before) > 0
    if statistic is Statistic.PSI:
        yield "jensen_shannon", jensen_shannon.statistic(counts[held], before[held])
    elif statistic is Statistic.LINF:
        yield "chi_square_p_value", chi_square.p_value(counts[held], before[held])
    elif statistic is Statistic.KS:
        yield "p_value", ks.measure(counts, before, 0.5).p_value or 0.0
