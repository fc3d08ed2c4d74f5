"""The past once more: the policy over what was seen then, with a virtual clock.

In: the settings, a stretch of time, the record that the store keeps, and where it keeps none the inference table. Out:
what would have been found, decided and proposed. The daemon's own look and guards run on a throw-away database; the
world is only read, and the store is not written.
"""
