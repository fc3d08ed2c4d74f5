"""Why a finding says what it says: its numbers, and what there is to see of them. Open ask.py first."""

from daemon.evidence.ask import Evidence, names_a_finding, of_finding, of_remediation

__all__ = ["Evidence", "names_a_finding", "of_finding", "of_remediation"]
