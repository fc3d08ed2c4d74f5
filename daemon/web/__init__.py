"""The one HTTP listener: metrics and health for the machines that watch the daemon.

Callables that tell the state come in, responses go out. Nothing here changes anything.
"""
