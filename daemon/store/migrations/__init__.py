"""Alembic's folder. A new revision is a file `versions/vNNNN_<what>.py` with the next number."""
