"""A training job as short as can be: it registers a version that is tagged as its own. A process of its own."""

import argparse
import json
import time
from urllib.request import Request, urlopen


def main() -> None:
    """Register the next version, and say which it is."""
    parser = argparse.ArgumentParser()
    for name in ("mlflow", "run", "source", "seconds", "remediation", "model"):
        parser.add_argument(f"--{name}", default="")
    options, _ = parser.parse_known_args()
    time.sleep(float(options.seconds or 0))
    asked = {
        "name": options.model,
        "source": options.source,
        "run_id": options.run,
        "tags": [{"key": "mlsteward.remediation", "value": options.remediation}],
    }
    request = Request(
        f"{options.mlflow}/api/2.0/mlflow/model-versions/create",
        json.dumps(asked).encode(),
        {"Content-Type": "application/json"},
    )
    with urlopen(request, timeout=30) as answer:
        print("registered version", json.load(answer)["model_version"]["version"])


if __name__ == "__main__":
    main()
