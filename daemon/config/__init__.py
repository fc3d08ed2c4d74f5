"""TOML in, frozen settings out, or every error at once with its place in the file.

Secrets never stand in the file: a setting names where they are, and they are read when they are needed.
"""
