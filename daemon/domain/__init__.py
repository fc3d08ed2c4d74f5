"""The nouns that travel between rooms: frozen dataclasses and enums.

They come in from anywhere above and know nobody there: no store, port, log or clock.
"""
