import numpy as np
import pandas as pd
import pytest
import yaml
from mlflow.models import ModelSignature, infer_signature
from mlflow.types import ColSpec, Schema, TensorSpec
from mlflow.types.schema import Array, DataType, Object, Property

from daemon.adapters.signature import UnusableError, example_path, read_signature
from daemon.domain.schema import Column, Kind, Role, Signature

NUMBER, CATEGORY = Kind.NUMERIC, Kind.CATEGORICAL


def read(signature: ModelSignature) -> Signature:
    """Read what MLflow itself writes."""
    return read_signature(yaml.safe_dump({"flavors": {}, "signature": signature.to_dict()}))


def tensor(*shape: int, name: str | None = None, dtype: str = "float64") -> Schema:
    return Schema([TensorSpec(np.dtype(dtype), shape, name)])


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("integer", NUMBER),
        ("long", NUMBER),
        ("float", NUMBER),
        ("double", NUMBER),
        ("boolean", CATEGORY),
        ("string", CATEGORY),
        ("datetime", CATEGORY),
        ("binary", CATEGORY),
    ],
)
def test_types_are_numbers_or_categories(kind: str, expected: Kind) -> None:
    signature = read(ModelSignature(Schema([ColSpec(kind, "x"), ColSpec(kind, "y", required=False)])))
    assert signature.inputs == (Column("x", expected), Column("y", expected, required=False))
    assert signature.outputs == ()


def test_columns_keep_the_order_of_the_models_own_schema() -> None:
    frame = pd.DataFrame({"z": [1.0], "a": ["x"], "m": [True], "t": pd.to_datetime(["2026-01-01"])})
    inputs = read(infer_signature(frame, frame[["z"]])).inputs
    assert [(c.name, c.kind, c.role) for c in inputs] == [
        ("z", NUMBER, Role.INPUT),
        ("a", CATEGORY, Role.INPUT),
        ("m", CATEGORY, Role.INPUT),
        ("t", CATEGORY, Role.INPUT),
    ]


def test_an_output_without_a_name_is_the_prediction() -> None:
    frame = pd.DataFrame({"x": [1.0]})
    prediction = (Column("prediction", NUMBER, Role.PREDICTION),)
    assert read(infer_signature(frame, np.array([0.5]))).outputs == prediction
    assert read(infer_signature(frame, np.array([[0.5]]))).outputs == prediction
    assert read(ModelSignature(Schema([ColSpec("double", "x")]), Schema([ColSpec("double")]))).outputs == prediction


def test_named_outputs_keep_their_names_unless_an_input_has_them() -> None:
    inputs = Schema([ColSpec("double", "score"), ColSpec("string", "label")])
    outputs = Schema([ColSpec("double", "score"), ColSpec("string", "why")])
    assert read(ModelSignature(inputs, outputs)).outputs == (
        Column("prediction.score", NUMBER, Role.PREDICTION),
        Column("why", CATEGORY, Role.PREDICTION),
    )


def test_several_outputs_without_names_are_told_apart_by_their_place() -> None:
    signature = read(ModelSignature(Schema([ColSpec("double", "x")]), tensor(-1, 3)))
    assert [c.name for c in signature.outputs] == ["0", "1", "2"]
    both = read(ModelSignature(tensor(-1, 2), tensor(-1, 2)))
    assert [c.name for c in both.columns] == ["0", "1", "prediction.0", "prediction.1"]


def test_a_tensor_of_rows_is_columns_by_their_place() -> None:
    inputs = read(infer_signature(np.zeros((5, 4)))).inputs
    assert inputs == tuple(Column(str(n), NUMBER) for n in range(4))
    assert read(ModelSignature(tensor(-1))).inputs == (Column("0", NUMBER),)
    assert read(ModelSignature(tensor(-1, 2, dtype="str"))).inputs == (Column("0", CATEGORY), Column("1", CATEGORY))


@pytest.mark.parametrize("shape", [(-1,), (-1, 1)])
def test_named_tensors_of_one_value_a_row_are_columns(shape: tuple[int, ...]) -> None:
    specs: list[ColSpec | TensorSpec] = [
        TensorSpec(np.dtype("float32"), shape, "x"),
        TensorSpec(np.dtype("int64"), shape, "y"),
    ]
    assert read(ModelSignature(Schema(specs))).inputs == (Column("x", NUMBER), Column("y", NUMBER))


@pytest.mark.parametrize("schema", [tensor(-1, 28, 28), tensor(-1, -1), tensor(-1, 4, name="x"), tensor(4)])
def test_other_tensors_have_no_columns_to_watch(schema: Schema) -> None:
    with pytest.raises(UnusableError, match="tensor of shape"):
        read(ModelSignature(schema))


def test_nested_columns_count_as_categories() -> None:
    nested = Object([Property("a", DataType.double)])
    signature = ModelSignature(Schema([ColSpec(Array(DataType.double), "v"), ColSpec(nested, "o")]))
    assert [c.kind for c in read(signature).inputs] == [CATEGORY, CATEGORY]


@pytest.mark.parametrize("mlmodel", ["flavors: {}", "signature: null", "signature: {inputs: null, outputs: '[]'}", ""])
def test_a_version_without_a_signature_is_unusable(mlmodel: str) -> None:
    with pytest.raises(UnusableError, match="without a signature"):
        read_signature(mlmodel)


@pytest.mark.parametrize("inputs", ["garbage", "7", "[7]", '[{"name": "x"}]', '[{"type": "tensor"}]', '{"x": 1}'])
def test_a_signature_that_makes_no_sense_is_unusable(inputs: str) -> None:
    with pytest.raises(UnusableError, match="none that we know"):
        read_signature(yaml.safe_dump({"signature": {"inputs": inputs}}))


def test_a_file_that_is_no_yaml_is_unusable() -> None:
    for read_it in (read_signature, example_path):
        with pytest.raises(UnusableError, match="YAML"):
            read_it("signature: [")


def test_the_request_body_of_the_example_is_found() -> None:
    info = {"artifact_path": "input_example.json", "serving_input_path": "serving_input_example.json"}
    assert example_path(yaml.safe_dump({"saved_input_example_info": info})) == "serving_input_example.json"
    assert example_path("saved_input_example_info: {artifact_path: input_example.json}") is None
    assert example_path("flavors: {}") is None
