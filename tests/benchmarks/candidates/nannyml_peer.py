"""NannyML 0.13: univariate drift of all columns in one chunk. Runs in an interpreter of its own."""

import sys

from clock import Clock, report  # type: ignore[import-not-found]
from frame import frame  # type: ignore[import-not-found]
from nannyml import UnivariateDriftCalculator  # type: ignore[import-not-found]


def main(reference_path: str, current_path: str) -> None:
    parse, fit, compute = Clock(), Clock(), Clock()
    reference = frame(reference_path, Clock())
    current = frame(current_path, parse)
    calculator = UnivariateDriftCalculator(
        column_names=list(current.columns),
        continuous_methods=["kolmogorov_smirnov"],
        categorical_methods=["l_infinity"],
        chunk_number=1,
    )
    with fit.running():
        calculator.fit(reference)
    with compute.running():
        found = calculator.calculate(current).to_df()
    report(len(current), {"parse": parse, "fit": fit, "compute": compute}, metrics=found.shape[1])


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
