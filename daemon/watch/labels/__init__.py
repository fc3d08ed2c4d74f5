"""Labels that come late: predictions in, cohorts and what they say of performance out.

`read` asks the doors; `due`, `predictions`, `count`, `measure` and `findings` are pure.
"""
