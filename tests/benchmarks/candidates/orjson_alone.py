"""The bar: parse every document with orjson, and throw it away."""

import sys

import orjson

from tests.benchmarks.candidates.clock import Clock, batches, report


def main(current: str) -> None:
    requests, responses, rows = Clock(), Clock(), 0
    for batch in batches(current, 100_000):
        rows += len(batch)
        with requests.running():
            for request, _ in batch:
                orjson.loads(request)
        with responses.running():
            for _, response in batch:
                orjson.loads(response)
    report(rows, {"requests": requests, "responses": responses})


if __name__ == "__main__":
    main(sys.argv[2])
