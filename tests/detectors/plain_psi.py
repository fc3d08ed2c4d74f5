"""The rule that certifies a PSI, written down a second time: no array in it, and its quantiles from scipy.stats."""

import math

from scipy import stats

from detectors.counts import Counts


class PlainRule:
    def __init__(self, current: Counts, baseline: Counts) -> None:
        self.n, self.m = int(current.sum()), int(baseline.sum())
        groups = self._merged(list(zip(current.tolist(), baseline.tolist(), strict=True)))
        self.bins = len(groups)
        self.p = [y / self.m for _, y in groups]
        prior = 2 * self.bins
        self.q = [(x + prior * p) / (self.n + prior) for (x, _), p in zip(groups, self.p, strict=True)]
        self.q_plain = [x / self.n or min(0.5 / self.n, q) for (x, _), q in zip(groups, self.q, strict=True)]

    def _merged(self, bins: list[tuple[int, int]]) -> list[tuple[int, int]]:
        def expected(group: tuple[int, int]) -> float:
            return group[1] * min(self.n, self.m) / self.m

        groups: list[tuple[int, int]] = []
        for bin_ in bins:
            if groups and expected(groups[-1]) < 5:
                bin_ = (groups[-1][0] + bin_[0], groups.pop()[1] + bin_[1])
            groups.append(bin_)
        if len(groups) > 1 and expected(groups[-1]) < 5:
            last = groups.pop()
            groups[-1] = (groups[-1][0] + last[0], groups[-1][1] + last[1])
        return groups

    def value(self, q: list[float]) -> float:
        return sum((a - b) * math.log(a / b) for a, b in zip(q, self.p, strict=True))

    def certifies(self, tau: float, alpha: float) -> bool:
        if self.bins == 1:
            return False
        found, effective = self.value(self.q), self.n * self.m / (self.n + self.m)
        far = found > stats.ncx2.isf(alpha, self.bins - 1, effective * tau) / effective
        return bool(far and found > tau + stats.norm.isf(alpha) * self.sd())

    def sd(self) -> float:
        slopes_q = [math.log(a / b) - b / a for a, b in zip(self.q, self.p, strict=True)]
        slopes_p = [-math.log(a / b) - a / b for a, b in zip(self.q, self.p, strict=True)]
        return math.sqrt(self._variance(self.q, slopes_q) / self.n + self._variance(self.p, slopes_p) / self.m)

    @staticmethod
    def _variance(weights: list[float], values: list[float]) -> float:
        mean = sum(w * v for w, v in zip(weights, values, strict=True))
        return sum(w * (v - mean) ** 2 for w, v in zip(weights, values, strict=True))
