"""The act that asks a person before a step, and waits for the word: which counts for the plan it was given on."""

from collections.abc import Mapping
from datetime import timedelta

from daemon.domain.remediation import Approval, Remediation, Step
from daemon.remediate.journal import Act, Outcome, Seen

ASK = "ask-"
"""Begins the name of such an act; the rest is the step that waits."""


def ask(step: str, remediation: Remediation, words: Mapping[str, Approval], *, within: timedelta) -> Act:
    """Return the act that waits until somebody has said yes to a step. A no, or no answer in time, fails it."""
    name = f"{ASK}{step}"

    def look(_: Step) -> Seen:
        word = words.get(name)
        if word is None:
            return Seen(Outcome.WAIT, f"waits for a person's word on {step}")
        if word.plan_hash != remediation.plan_hash:
            return Seen(Outcome.FAILED, f"{word.by} said yes to another plan")
        if not word.granted:
            return Seen(Outcome.FAILED, f"{word.by} said no to {step}: {word.reason}")
        return Seen(Outcome.DONE, f"{word.by} said yes to {step}: {word.reason}")

    return Act(name, look, within=within)
