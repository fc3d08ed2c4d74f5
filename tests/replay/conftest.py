"""A world that was lived in, and replays of it on databases of their own."""

from tests.watch.conftest import begin, world

__all__ = ["begin", "world"]
