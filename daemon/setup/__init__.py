"""Setting up: what a workspace holds becomes a configuration (`propose`), and what a configuration needs is looked for
(`needs`, `gather`, `diagnose`).

A Survey comes in, or what it told; TOML text and lines of a diagnosis go out. All but `gather` is pure, and nothing in
this room can change anything: the one door that it has only looks.
"""
