"""One small script per peer, each run by an interpreter that has the peer: windows in, a score per column out.

They import neither the daemon nor each other; `windows.py` is all that they share.
"""
