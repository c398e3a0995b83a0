"""Labels: a task's ``labels.csv``, row by row in the types the task wants; rows that do not fit are left out.

A task's row is a ``msgspec.Struct`` whose fields are columns of the file; columns beyond them are ignored.
"""

import csv
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import msgspec

Row = TypeVar("Row", bound=msgspec.Struct)

_BEYOND = "…"  # where the reader puts fields beyond the last column


class BadLabels(ValueError):
    """A labels file of which nothing can be used; the message is one line that says why."""


class LeftOut(NamedTuple):
    """Something that does not count, and why: reasons that read alike are counted together."""

    reason: str
    example: str  # the first case: a line of the labels file, an image


def read_labels(path: Path, kind: type[Row]) -> tuple[list[Row], list[LeftOut]]:
    """The rows of a CSV file with a header, UTF-8, and what is left out of them.

    Raises ``BadLabels`` where there is no such file, it is not such a file, or a column is missing.
    """
    needed = [field.name for field in msgspec.structs.fields(kind)]
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file, restkey=_BEYOND)
            columns: Sequence[str] = reader.fieldnames or ()
            missing = [name for name in needed if name not in columns]
            if missing:
                there = ", ".join(columns) or "none"
                raise BadLabels(f"{path}: no column {', '.join(missing)}; needed: {', '.join(needed)}; there: {there}")
            numbered = [(reader.line_num, row) for row in reader]
    except OSError as error:
        raise BadLabels(f"{path}: {error.strerror}") from error
    except (csv.Error, UnicodeDecodeError) as error:
        raise BadLabels(f"{path}: not a CSV file: {error}") from error
    rows, left_out = [], []
    for line, row in numbered:
        try:
            rows.append(_converted(row, kind))
        except msgspec.ValidationError as error:
            told = str(error).replace(" - at `$.", ": column `")
            left_out.append(LeftOut(f"{path.parent.name}/{path.name}: {told}", f"line {line}"))
    return rows, left_out


def _converted(row: dict[str, Any], kind: type[Row]) -> Row:
    if _BEYOND in row:
        raise msgspec.ValidationError("more fields than columns")
    label = msgspec.convert(row, kind, strict=False)
    for name in kind.__struct_fields__:
        value = getattr(label, name)
        if isinstance(value, float) and not math.isfinite(value):
            raise msgspec.ValidationError(f"Expected a finite number, got {value} - at `$.{name}`")
        if isinstance(value, str) and "\0" in value:
            raise msgspec.ValidationError(f"Expected text without NUL - at `$.{name}`")
    return label
