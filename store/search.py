"""1:N search: the members of some collections whose faces are closest to a template."""

from typing import Any

from pgvector import HalfVector
from sqlalchemy import TextClause, text
from sqlalchemy.ext.asyncio import AsyncConnection as Transaction

from schemas.template import Template
from store.models import TemplateModel
from store.records import Match, Member

# Faces of the collections up to which all are compared; beyond, the index is searched. docs/identity.md has the
# measurement: at this size both take about as long.
EXACT = 20_000
_MOST = 1000  # faces that are looked at, the most that the index gives


async def size(transaction: Transaction, collections: list[int], most: int) -> int:
    """How many faces the collections have together, counted no further than ``most``."""
    query = text(
        "SELECT count(*) FROM (SELECT FROM membership JOIN face ON face.member = membership.member "
        "WHERE membership.collection = ANY(:collections) LIMIT :most) AS counted"
    )
    found = await transaction.execute(query, {"collections": collections, "most": most})
    return int(found.scalar_one())


async def nearest(  # noqa: PLR0913 - each is its own thing
    transaction: Transaction,
    model: TemplateModel,
    template: Template,
    collections: list[int],
    limit: int,
    *,
    exact: bool,
) -> list[Match]:
    """The members closest to a template, at most ``limit``, the closest first, each by its closest face.

    The order is that of the vectors as halves; who needs it to the last digit compares the templates.
    """
    faces = min(_MOST, 2 * limit + 8)  # a member may have several
    while True:
        parameters = {
            "vector": HalfVector(template.vector).to_text(),
            "collections": collections,
            "faces": faces,
        }
        rows = (await transaction.execute(_query(model, exact=exact), parameters)).all()
        closest: dict[int, Any] = {}
        for row in rows:
            closest.setdefault(row.member, row)
        if len(closest) >= limit or len(rows) < faces or faces == _MOST:
            break
        faces = min(_MOST, 4 * faces)
    return [_match(row) for row in list(closest.values())[:limit]]


def _match(row: Any) -> Match:
    fields = len(Member._fields)
    return Match(Member._make(row[4 : 4 + fields]), row.face, row.template, tuple(row.collections))


def _query(model: TemplateModel, *, exact: bool) -> TextClause:
    # Without the cast the expression is not that of the index, so that all vectors are compared. Model and dimension
    # are written out: a plan for any model could not use the index of one.
    stored = "face.vector" if exact else f"(face.vector::halfvec({model.dimension}))"
    return text(
        f"""
        WITH near AS MATERIALIZED (
            SELECT face.id, face.member, face.template,
                   {stored} <#> CAST(:vector AS halfvec({model.dimension})) AS distance
            FROM face
            WHERE face.model = {model.number} AND EXISTS (
                SELECT FROM membership
                WHERE membership.member = face.member AND membership.collection = ANY(:collections))
            ORDER BY distance LIMIT :faces)
        SELECT near.id AS face, near.member AS member, near.template AS template,
               ARRAY(SELECT collection FROM membership
                     WHERE membership.member = near.member AND collection = ANY(:collections)
                     ORDER BY collection) AS collections,
               {", ".join(f"owner.{name}" for name in Member._fields)}
        FROM near JOIN member AS owner ON owner.number = near.member
        ORDER BY near.distance
        """  # noqa: S608 - numbers of ours
    )
