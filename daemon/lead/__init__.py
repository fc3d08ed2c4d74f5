"""Leadership: of several daemons on one PostgreSQL, one acts; the others stand by.

A store comes in, and the word whether this daemon may act goes out. It ends the process that must not act any more.
"""
