"""The models of stored templates: vectors of two of them have nothing in common."""

from typing import NamedTuple

from sqlalchemy import exists, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection as Transaction

from schemas.template import Template
from store.array_conditions import one_of
from store.errors import ModelMismatch
from store.tables import face, membership, template_model

_FEW = 1000  # rows that are looked at one by one


class TemplateModel(NamedTuple):
    """A model by which faces are compared."""

    number: int
    name: str
    version: int
    dimension: int

    def __str__(self) -> str:
        return f"{self.name} version {self.version}"


async def template_models_by_name(transaction: Transaction) -> dict[tuple[str, int], TemplateModel]:
    """All models of stored templates, by name and version."""
    rows = await transaction.execute(select(template_model))
    return {(row.name, row.version): TemplateModel._make(row) for row in rows}


async def get_or_create_template_model(transaction: Transaction, template: Template) -> TemplateModel:
    """Makes the model of a template known."""
    values = {"name": template.model, "version": template.version, "dimension": len(template.vector)}
    await transaction.execute(insert(template_model).values(**values).on_conflict_do_nothing())
    return (await template_models_by_name(transaction))[template.model, template.version]


async def check_same(transaction: Transaction, model: TemplateModel, collections: list[int]) -> None:
    """Raises ``ModelMismatch`` where the collections hold templates of another model."""
    for other in (await template_models_by_name(transaction)).values():
        if other.number != model.number and await _is_in(transaction, other, collections):
            raise ModelMismatch(
                f"The collection holds templates of {other}, which cannot be compared with those of {model}; "
                "run 'facet store re-embed', or use the other model again"
            )


async def _is_in(transaction: Transaction, model: TemplateModel, collections: list[int]) -> bool:
    """Whether a face of a model is in one of the collections.

    Looked up from the side that has few rows: PostgreSQL, which does not know which, would join a million.
    """
    inside = one_of(membership.c.collection, collections)
    few = select(face.c.member).where(face.c.model == model.number).limit(_FEW).subquery()
    linked = exists().where(membership.c.member == few.c.member, inside)
    count, found = (await transaction.execute(select(func.count(), func.bool_or(linked)).select_from(few))).one()
    if found or count < _FEW:
        return bool(found)
    few = select(membership.c.member).where(inside).limit(_FEW).subquery()
    enrolled = exists().where(face.c.member == few.c.member, face.c.model == model.number)
    count, found = (await transaction.execute(select(func.count(), func.bool_or(enrolled)).select_from(few))).one()
    if found or count < _FEW:
        return bool(found)
    query = select(face.c.id).join(membership, membership.c.member == face.c.member)
    return (await transaction.execute(query.where(face.c.model == model.number, inside).limit(1))).first() is not None
