"""Gates: what a challenger must show before it sees traffic. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from daemon.config.remedies import Gate

EVALUATION_ROWS = "evaluation_rows"
"""The metric by which a training job tells on how many rows it has evaluated."""


@dataclass(frozen=True, slots=True)
class GateResult:
    metric: str
    passed: bool
    detail: str


def judge(gates: Sequence[Gate], metrics: Mapping[str, float], *, minimum_rows: int = 0) -> list[GateResult]:
    """Hold a run's metrics against the gates. A metric that was not logged does not pass."""
    rows = [_rows(minimum_rows, metrics)] if minimum_rows else []
    return [*rows, *(_judge(gate, metrics) for gate in gates)]


def _rows(least: int, metrics: Mapping[str, float]) -> GateResult:
    found = metrics.get(EVALUATION_ROWS)
    if found is None or found != found:
        return GateResult(EVALUATION_ROWS, False, f"{EVALUATION_ROWS} was not logged by the training run")
    return GateResult(EVALUATION_ROWS, found >= least, f"evaluated on {found:.0f} rows, {least} are asked for")


def _judge(gate: Gate, metrics: Mapping[str, float]) -> GateResult:
    value = metrics.get(gate.metric)
    if value is None or value != value:
        return GateResult(gate.metric, False, f"{gate.metric} was not logged by the training run")
    if gate.min is not None and value < gate.min:
        return GateResult(gate.metric, False, f"{gate.metric} {value:.4g} is below {gate.min:.4g}")
    if gate.max is not None and value > gate.max:
        return GateResult(gate.metric, False, f"{gate.metric} {value:.4g} is above {gate.max:.4g}")
    if gate.champion is None:
        return GateResult(gate.metric, True, f"{gate.metric} {value:.4g}")
    return _against_champion(gate, value, metrics.get(gate.champion))


def _against_champion(gate: Gate, value: float, champion: float | None) -> GateResult:
    if champion is None or champion != champion:
        return GateResult(gate.metric, False, f"{gate.champion} was not logged by the training run")
    worse_by = champion - value if gate.better == "higher" else value - champion
    detail = f"{gate.metric} {value:.4g}, the champion's on the same rows {champion:.4g}"
    return GateResult(gate.metric, worse_by <= gate.tolerance, detail)
