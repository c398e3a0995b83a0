"""The versions of the wire format, by the name that stands in the path."""

from collections.abc import Mapping

from schemas.dialect import Dialect
from schemas.v1 import V1
from schemas.v2 import V2

DIALECTS: Mapping[str, Dialect] = {dialect.name: dialect for dialect in (V1, V2)}
