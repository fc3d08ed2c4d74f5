"""All measurements, one after the other: `make bench`."""

from tests.benchmarks import bench_decode, bench_read

bench_decode.run(rows=500_000, json=bench_decode.BUILD / "decode.json")
bench_read.run(times=100, json=bench_decode.BUILD / "read.json")
