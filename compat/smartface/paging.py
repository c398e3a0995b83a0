"""Pages of lists: what the query says, and the links to the pages beside."""

import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, TypeVar
from urllib.parse import urlencode

from starlette.requests import Request

from compat.smartface.errors import Invalid, sent_path
from store import Page, Paging

T = TypeVar("T")

_SIZE = 100  # items of a page where none is asked for
_LARGEST = 10_000  # items of a page at the most: a larger one is answered as this one
_INT32 = 2**31 - 1
_NUMBER = re.compile(r"[+-]?[0-9]{1,18}")
_TRUTH = {"true": True, "false": False}


class Asked(NamedTuple):
    """Which page a request asks for; pages are counted from 1."""

    path: str
    number: int
    size: int
    ascending: bool
    show_total: bool

    @property
    def part(self) -> Paging:
        """The same for the store."""
        return Paging((self.number - 1) * self.size, self.size, self.ascending)

    def page(self, found: Page[T], render: Callable[[T], Mapping[str, Any]]) -> dict[str, Any]:
        """The answer with a part of a list."""
        last = -(-found.total // self.size)
        return {
            "totalItemsCount": found.total if self.show_total else None,
            "items": [render(item) for item in found.items],
            "pageSize": self.size,
            "pageNumber": self.number,
            "previousPage": self._link(min(self.number - 1, last)) if self.number > 1 and last else None,
            "nextPage": self._link(self.number + 1) if self.number < last else None,
        }

    def _link(self, number: int) -> str:
        """Where another page is: a reference relative to this server, as it may have another name to its clients."""
        query = {
            "Ascending": str(self.ascending).lower(),
            "PageNumber": number,
            "PageSize": self.size,
            "ShowTotalCount": str(self.show_total).lower(),
        }
        return f"{self.path}?{urlencode(query)}"


def asked(request: Request) -> Asked:
    """The page that the query of a request asks for; raises ``Invalid``."""
    query = lowered(request)
    return Asked(
        sent_path(request).rstrip("/"),
        whole(query, "PageNumber", 1, 1),
        min(whole(query, "PageSize", _SIZE, 1), _LARGEST),
        _truth(query, "Ascending", True),
        _truth(query, "ShowTotalCount", False),
    )


def lowered(request: Request) -> Mapping[str, str]:
    """The query with its names in lower case, which are found whatever their case."""
    return {name.lower(): value for name, value in request.query_params.items()}


def whole(query: Mapping[str, str], name: str, default: int, least: int) -> int:
    """An integer of 32 bits in the query; raises ``Invalid`` for what is none, or less than ``least``."""
    raw = query.get(name.lower())
    if raw is None:
        return default
    if not _NUMBER.fullmatch(raw) or not least <= int(raw) <= _INT32:
        raise Invalid({name: [f"must be an integer between {least} and {_INT32}"]})
    return int(raw)


def _truth(query: Mapping[str, str], name: str, default: bool) -> bool:
    raw = query.get(name.lower())
    if raw is None:
        return default
    if raw.lower() not in _TRUTH:
        raise Invalid({name: ["must be true or false"]})
    return _TRUTH[raw.lower()]
