"""The pages for people: one to try the API, one that documents it. Nothing in them comes from elsewhere."""

from pathlib import Path

from starlette.requests import Request
from starlette.responses import FileResponse, Response

STATIC = Path(__file__).parents[1] / "static"
SWAGGER = ("fastapi_offline", "static")  # a package and its folder with the files of Swagger UI 5

_POLICY = "default-src 'self'; img-src 'self' blob: data:; frame-ancestors 'none'; base-uri 'none'"
_DOCS_POLICY = f"{_POLICY}; style-src 'self' 'unsafe-inline'"  # Swagger UI styles elements as it draws them


async def try_page(_: Request) -> Response:
    """A page to drop a photo on."""
    return _page("try.html", _POLICY)


async def docs_page(_: Request) -> Response:
    """The OpenAPI document in Swagger UI."""
    return _page("docs.html", _DOCS_POLICY)


def _page(name: str, policy: str) -> Response:
    headers = {"Content-Security-Policy": policy, "X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer"}
    return FileResponse(STATIC / name, headers=headers)
