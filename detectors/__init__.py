"""Statistics: arrays in, frozen results out.

No clock, file, log, configuration, thread or randomness of its own; nothing here knows what an endpoint is.
"""
