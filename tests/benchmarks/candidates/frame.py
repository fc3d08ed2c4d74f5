"""Raw rows to a pandas data frame, as a notebook does it. Runs in the peers' interpreters."""

import sys
from pathlib import Path

import orjson
import pandas as pd

sys.path.insert(0, str(Path(__file__).parent))

from clock import Clock, batches  # type: ignore[import-not-found]


def frame(path: str, clock: Clock) -> pd.DataFrame:
    records = []
    for batch in batches(path, 100_000):
        with clock.running():
            for request, response in batch:
                for record, prediction in zip(
                    orjson.loads(request)["dataframe_records"], orjson.loads(response)["predictions"], strict=True
                ):
                    record["prediction"] = prediction
                    records.append(record)
    with clock.running():
        return pd.DataFrame.from_records(records)
