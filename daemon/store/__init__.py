"""Memory: domain nouns in, rows of SQLite or PostgreSQL out, and back. The only room that knows SQLAlchemy.

Whoever asks holds a transaction (`Store.begin`, `Store.read`) and hands it in first. Nothing here decides anything,
reads the clock or writes a log line; whatever goes wrong leaves as a `StoreError`.
"""
