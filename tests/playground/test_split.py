"""The split of the traffic, over short stretches and against callers with a rhythm."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from playground.split import Split


@st.composite
def shares(draw: st.DrawFn) -> dict[str, int]:
    cuts = sorted(draw(st.lists(st.integers(0, 100), max_size=4)))
    return {f"v{i}": high - low for i, (low, high) in enumerate(zip([0, *cuts], [*cuts, 100], strict=True))}


@given(shares(), st.integers(0, 500))
def test_any_stretch_of_200_requests_holds_the_shares(shares: dict[str, int], skipped: int) -> None:
    split = Split(shares)
    for _ in range(skipped):
        split.next()
    served = Counter(split.next() for _ in range(200))
    # The discrepancy of the golden ratio's multiples is below (log n + 1) / n.
    assert all(abs(served[name] / 200 - share / 100) <= 0.035 for name, share in shares.items())
    assert all(served[name] == 0 for name, share in shares.items() if share == 0)


@given(st.integers(2, 20), st.integers(0, 19))
def test_a_caller_with_a_rhythm_is_split_like_any_other(period: int, phase: int) -> None:
    split = Split({"old": 90, "new": 10})
    served = [split.next() for _ in range(200 * period)]
    every = Counter(served[phase % period :: period])
    assert 0.05 <= every["new"] / 200 <= 0.15
