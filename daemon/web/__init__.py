"""The one HTTP listener: metrics and health for machines, approvals and restraints for people.

Callables come in (`desk`), responses go out; nothing here decides anything. Whatever writes passes `door` first, which
knows two credentials: the bearer token, and a signed link.
"""
