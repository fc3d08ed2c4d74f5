"""Loop 2: move one open remediation by one step.

In: a row in the store. Out: at most one effect in the world, with a row written before it and closed by looking at the
world after it, so that it may be killed at any instruction and go on. `guards`, `gates`, `verify` and `stale` are pure.
"""
