"""The world behind the ports: one SDK, one place.

Settings come in, objects that pass for a port go out, and nothing but `PlatformError` leaves them. Every adapter is
cheap to build and meets its SDK at the first call, in the thread that calls: neither an unreachable workspace nor the
hundred megabytes that an SDK weighs hold up the start.
"""
