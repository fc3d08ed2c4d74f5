"""The act that keeps the registry's approval tag in step (`promote.approval_tag`): one word, wherever it was given."""

from collections.abc import Mapping

from daemon.domain.remediation import Approval, Remediation, Step
from daemon.ports import Registry
from daemon.remediate.circumstances import PLAN
from daemon.remediate.journal import Act, Outcome, Seen

APPROVED = "approved"
BY_TAG = "the registry's tag"
"""Who has approved, where the tag was the word."""


def keep_tag(one: Remediation, registry: Registry, version: int, tag: str, words: Mapping[str, Approval]) -> Act:
    """Return the act that sets the tag where a person approved the plan another way.

    It never takes the place of another value: whoever wrote `rejected` there, or took away the word that the plan was
    approved by, has the last one. Where nobody was asked, a tag that is not there stays away.
    """
    word = words.get(PLAN)

    def look(step: Step) -> Seen:
        found = registry.version(one.model, version).tags.get(tag)
        if found is not None and found.lower() == APPROVED:
            return Seen(Outcome.DONE, f"version {version} is tagged {tag} = {found}")
        if found is not None:
            return Seen(Outcome.FOREIGN, f"somebody tagged version {version} {tag} = {found}")
        if word is None:
            return Seen(Outcome.DONE, "nobody was asked, so nobody has approved")
        if word.by == BY_TAG:
            return Seen(Outcome.FOREIGN, f"somebody took the tag {tag} away from version {version}")
        return Seen(Outcome.READY)

    def do(step: Step) -> Mapping[str, object]:
        registry.set_tag(one.model, version, tag, APPROVED)
        return {}

    return Act("approval-tag", look, do)
