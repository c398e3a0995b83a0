"""Labels files, good and bad."""

from pathlib import Path
from typing import Literal

import msgspec
import pytest

from eval.bench import summary
from eval.labels import BadLabels, read_labels


class Label(msgspec.Struct):
    path: str
    age: float
    gender: Literal["female", "male"]


def written(folder: Path, text: str | bytes) -> Path:
    path = folder / "labels.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def test_columns_are_read_in_their_types_and_others_ignored(tmp_path: Path) -> None:
    path = written(tmp_path, "\ufeffgender,path,mood,age\r\nmale,a.jpg,good,31.5\r\n")
    rows, left_out = read_labels(path, Label)
    assert rows == [Label("a.jpg", 31.5, "male")]
    assert left_out == []


def test_rows_that_do_not_fit_are_left_out_and_told(tmp_path: Path) -> None:
    lines = ("path,age,gender", "a.jpg,old,male", "b.jpg,7,female", "c.jpg,8,robot", "d.jpg,young,male", "e.jpg")
    path = written(tmp_path, "\n".join([*lines, "f.jpg,inf,male", "g.jpg,8,male,9"]))
    rows, left_out = read_labels(path, Label)
    assert [row.path for row in rows] == ["b.jpg"]
    assert summary(left_out) == [
        f"2 left out: {tmp_path.name}/labels.csv: Expected `float`, got `str`: column `age` (first: line 2)",
        f"1 left out: {tmp_path.name}/labels.csv: Invalid enum value 'robot': column `gender` (first: line 4)",
        f"1 left out: {tmp_path.name}/labels.csv: Expected `float`, got `null`: column `age` (first: line 6)",
        f"1 left out: {tmp_path.name}/labels.csv: Expected a finite number, got inf: column `age` (first: line 7)",
        f"1 left out: {tmp_path.name}/labels.csv: more fields than columns (first: line 8)",
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("path,years\n", "no column age, gender; needed: path, age, gender; there: path, years"),
        ("", "no column path, age, gender; needed: path, age, gender; there: none"),
        (b"\xff\xfe\x00", "not a CSV file"),
    ],
)
def test_a_file_that_cannot_be_used_says_why(text: str | bytes, message: str, tmp_path: Path) -> None:
    with pytest.raises(BadLabels) as caught:
        read_labels(written(tmp_path, text), Label)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadLabels, match=r"labels\.csv: No such file"):
        read_labels(tmp_path / "labels.csv", Label)
