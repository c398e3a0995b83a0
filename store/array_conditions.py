"""Lists of values in conditions: sent as one array, as a statement of PostgreSQL takes no more than 65,535 values."""

from collections.abc import Iterable
from typing import Any

from sqlalchemy import Column, ColumnElement, any_, bindparam
from sqlalchemy.dialects.postgresql import ARRAY


def one_of(column: Column[Any], values: Iterable[Any]) -> ColumnElement[bool]:
    """Whether a column has one of some values, however many these are."""
    return column == any_(bindparam(None, list(values), type_=ARRAY(column.type)))
