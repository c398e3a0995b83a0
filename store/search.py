"""1:N search: the members of some collections whose faces are closest to a template."""

from collections.abc import Sequence
from typing import Any

from pgvector import HalfVector
from sqlalchemy import TextClause, text
from sqlalchemy.ext.asyncio import AsyncConnection as Transaction

from schemas.template import Template
from store.records import Match, Member
from store.template_models import TemplateModel

# Faces of the collections up to which PostgreSQL compares all; beyond, their signatures are compared in memory first.
# docs/identity.md has the measurement: at this size both take about as long.
EXACT = 1000
_INSIDE = "SELECT member FROM membership WHERE collection = ANY(:collections)"


async def count_faces_up_to(transaction: Transaction, collections: list[int], most: int) -> int:
    """How many faces the collections have together, counted no further than ``most``."""
    query = text(
        "SELECT count(*) FROM (SELECT FROM membership JOIN face ON face.member = membership.member "
        "WHERE membership.collection = ANY(:collections) LIMIT :most) AS counted"
    )
    found = await transaction.execute(query, {"collections": collections, "most": most})
    return int(found.scalar_one())


async def search_exactly(
    transaction: Transaction, model: TemplateModel, template: Template, collections: list[int], limit: int
) -> list[Match]:
    """The members closest to a template, at most ``limit``, the closest first, each by its closest face.

    All faces of the collections are compared.
    """
    matches, _ = await _nearest(transaction, model, template, collections, limit, f"face.member IN ({_INSIDE})", None)
    return matches


async def re_rank(  # noqa: PLR0913, PLR0917 - each is its own thing
    transaction: Transaction,
    model: TemplateModel,
    template: Template,
    collections: list[int],
    limit: int,
    candidates: Sequence[int],
) -> tuple[list[Match], int]:
    """The same among the faces of these numbers, and how many of those there are still in the collections."""
    which = f"face.number = ANY(:candidates) AND EXISTS ({_INSIDE} AND member = face.member)"
    return await _nearest(transaction, model, template, collections, limit, which, list(candidates))


async def _nearest(  # noqa: PLR0913, PLR0917 - as above
    transaction: Transaction,
    model: TemplateModel,
    template: Template,
    collections: list[int],
    limit: int,
    which: str,
    candidates: list[int] | None,
) -> tuple[list[Match], int]:
    parameters: dict[str, Any] = {
        "vector": HalfVector(template.vector).to_text(),
        "collections": collections,
        "limit": limit,
    }
    if candidates is not None:
        parameters["candidates"] = candidates
    rows = (await transaction.execute(_query(model, which), parameters)).all()
    return [_match(row) for row in rows], rows[0].compared if rows else 0


def _match(row: Any) -> Match:
    fields = len(Member._fields)
    return Match(Member._make(row[4 : 4 + fields]), row.face, row.template, tuple(row.collections))


def _query(model: TemplateModel, which: str) -> TextClause:
    return text(
        f"""
        WITH compared AS MATERIALIZED (
            SELECT face.number, face.member, face.vector <#> CAST(:vector AS halfvec({model.dimension})) AS distance
            FROM face WHERE face.model = {model.number} AND {which}),
        closest AS MATERIALIZED (
            SELECT number, distance
            FROM (SELECT DISTINCT ON (member) number, distance FROM compared ORDER BY member, distance, number) AS each
            ORDER BY distance, number LIMIT :limit)
        SELECT face.id AS face, face.template AS template, (SELECT count(*) FROM compared) AS compared,
               ARRAY({_INSIDE.replace("SELECT member", "SELECT collection")} AND member = owner.number
                     ORDER BY collection) AS collections,
               {", ".join(f"owner.{name}" for name in Member._fields)}
        FROM closest JOIN face ON face.number = closest.number JOIN member AS owner ON owner.number = face.member
        ORDER BY closest.distance, closest.number
        """  # noqa: S608 - numbers and words of ours
    )
