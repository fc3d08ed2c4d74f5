"""What the daemon tells about itself: logs, metrics, heartbeats, and the word to systemd.

Strings and numbers come in, lines and series go out. Nothing of the daemon is imported here, and no clock is read.
"""
