"""The one HTTP listener: metrics and health for machines, approvals and restraints for people.

Callables come in (`desk`), responses go out; nothing here decides anything. Whatever writes passes `door` first, which
knows three credentials: the bearer token, a signed link, and the signature of an MLflow server's webhook.
"""
