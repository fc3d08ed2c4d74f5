"""The invariants I1-I22 of safe-remediation.md, part 5.4, each a function whose name begins with its number.

`effects` are asked at each change of the world, `moves` at each move of a remediation, `always` between any two calls
of a loop, `ends` when everything has been let run to its end. What is true is taken from the fakes and from what
people did, never from the daemon's own opinion.

Not here, because fakes cannot show it: I3 and I11 for a process that is really killed or stopped (`tests/faults`),
I18 for the lease's own clock (`tests/store`), and I20, which compares two runs (`tests/machine/test_tighter.py`).
"""
