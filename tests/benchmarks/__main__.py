"""All measurements, one after the other: `make bench`."""

from tests.benchmarks import (
    bench_cycle,
    bench_decode,
    bench_idle,
    bench_look,
    bench_profile,
    bench_read,
    bench_requests,
)

bench_decode.run(rows=500_000, json=bench_decode.BUILD / "decode.json")
bench_profile.run(rows=500_000, json=bench_decode.BUILD / "profile.json")
bench_read.run(times=100, json=bench_decode.BUILD / "read.json")
bench_cycle.run(times=100, json=bench_decode.BUILD / "cycle.json")
bench_look.run(json=bench_decode.BUILD / "look.json")
bench_idle.run(json=bench_decode.BUILD / "idle.json")
bench_requests.run(json=bench_decode.BUILD / "requests.json")
