"""What statistics are, and what was found, in words. Pure."""

from daemon.domain.finding import MIX_OF, WITHIN, Cause, Finding, Statistic

MEASURES = {
    Statistic.KS: "largest difference of the distribution functions (KS)",
    Statistic.PSI: "population stability index (PSI)",
    Statistic.LINF: "largest change of a category's share (L-infinity)",
    Statistic.NULLS: "change of the share of nulls",
    Statistic.UNSEEN: "change of the share of values never seen before",
    Statistic.NON_FINITE: "change of the share of values that are not finite",
    Statistic.ERRORS_4XX: "rise of the share of requests refused (4xx)",
    Statistic.ERRORS_5XX: "rise of the share of requests failed (5xx)",
    Statistic.LATENCY_P50: "share of requests slower than the tolerated p50",
    Statistic.LATENCY_P95: "share of requests slower than the tolerated p95",
    Statistic.LATENCY_P99: "share of requests slower than the tolerated p99",
    Statistic.OUT_OF_RANGE: "share of numbers far out of the baseline's range",
    Statistic.WRONG_TYPE: "share of values of another type",
    Statistic.MISSING_COLUMN: "rise of the share of records without the column",
    Statistic.NEW_COLUMN: "share of records with a column that no signature knows",
    Statistic.DUPLICATES: "share of rows that repeat a request",
    Statistic.UNREADABLE: "share of requests that cannot be read",
    Statistic.ERRORS_BESIDE: "odds of an error, over those of the version beside it",
    Statistic.ACCURACY: "fall of accuracy",
    Statistic.PRECISION: "fall of precision",
    Statistic.RECALL: "fall of recall",
    Statistic.F1: "fall of F1",
    Statistic.AUC: "fall of the area under the curve (AUC)",
    Statistic.LOG_LOSS: "rise of the log loss",
    Statistic.MAE: "rise of the mean absolute error (MAE)",
    Statistic.RMSE: "rise of the root mean squared error (RMSE)",
    Statistic.R2: "fall of the coefficient of determination (R2)",
    Statistic.KPI: "by how much the number is worse",
}
"""What each statistic is, for a person."""


def sentence(finding: Finding) -> str:
    """Say what was found, with its numbers."""
    return _of_cohorts(finding) if finding.check.cause is Cause.CONCEPT else _of_windows(finding)


def merged(finding: Finding) -> int:
    """Return how many windows the answer rests on."""
    return int(dict(finding.reported).get("windows", 1))


def own(finding: Finding) -> float | None:
    """Return how far a column goes by itself; of PSI, it is D that has to exceed it."""
    known = dict(finding.reported).get("own_history")
    return None if finding.check.statistic is Statistic.PSI else known


def _of_windows(finding: Finding) -> str:
    windows = merged(finding)
    start = finding.window.end - windows * finding.window.length
    stretch = f"{start:%F %H:%M} to {finding.window.end:%F %H:%M} UTC" + (f", {windows} windows" if windows > 1 else "")
    itself = f", by itself it goes as far as {own(finding):.3g}" if own(finding) is not None else ""
    return f"{_answer(finding, itself + _parts(finding), 'rows')}{stretch}"


def _parts(finding: Finding) -> str:
    """Say how much of a shift is another mix of segments, and what is left without it."""
    told = ""
    for name, value in finding.reported:
        for start, words in ((MIX_OF, "the mix of {} moved by"), (WITHIN, "within each {} it is")):
            if name.startswith(start):
                told += f", {words.format(name.removeprefix(start))} {value:.3g}"
    return told


def _of_cohorts(finding: Finding) -> str:
    told, cohorts = dict(finding.reported), int(dict(finding.reported).get("cohorts", 1))
    start = finding.window.end - cohorts * finding.window.length
    stretch = f"{start:%F %H:%M} to {finding.window.end:%F %H:%M} UTC" + (f", {cohorts} cohorts" if cohorts > 1 else "")
    values = f", it is {told['now']:.3g} and was {told['before']:.3g}" if "now" in told and "before" in told else ""
    return f"{_answer(finding, values, 'labels')}{stretch}"


def _answer(finding: Finding, more: str, what: str) -> str:
    about = f"{finding.verdict}, {finding.reason.replace('_', ' ')}"
    if finding.statistic is None or finding.bound is None:
        return f"{about}; "
    return (
        f"{about}: {finding.statistic:.3g} was seen, above {finding.bound:.3g} is certain, {finding.threshold:.3g} is "
        f"tolerated{more}; {finding.n:,} {what}, "
    )
