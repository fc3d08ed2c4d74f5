"""What really happened in a run, counted: a run in which nothing happened proves nothing."""

from collections import Counter


class Tally(Counter[str]):
    """Counts by name; the first word is the kind."""

    def add(self, name: str, times: int = 1) -> None:
        self[name] += times

    def of(self, kind: str) -> dict[str, int]:
        """Return the counts of one kind, most frequent first."""
        return {n.removeprefix(f"{kind} "): k for n, k in self.most_common() if n.startswith(f"{kind} ")}
