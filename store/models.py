"""The models of stored templates, each with a search index of its own: vectors of two models have nothing in common."""

from typing import NamedTuple

from sqlalchemy import select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection as Transaction

from schemas.template import Template
from store.errors import ModelMismatch
from store.tables import face, membership, template_model

_LOCK = 0x66616365  # any number, the same in all of Facet: who makes an index first holds it


class TemplateModel(NamedTuple):
    """A model by which faces are compared."""

    number: int
    name: str
    version: int
    dimension: int

    def __str__(self) -> str:
        return f"{self.name} version {self.version}"


async def known(transaction: Transaction) -> dict[tuple[str, int], TemplateModel]:
    """All models of stored templates, by name and version."""
    rows = await transaction.execute(select(template_model))
    return {(row.name, row.version): TemplateModel._make(row) for row in rows}


async def add(transaction: Transaction, template: Template) -> TemplateModel:
    """Makes the model of a template known, with an index for its vectors."""
    await transaction.execute(text(f"SELECT pg_advisory_xact_lock({_LOCK})"))
    values = {"name": template.model, "version": template.version, "dimension": len(template.vector)}
    await transaction.execute(insert(template_model).values(**values).on_conflict_do_nothing())
    found = (await known(transaction))[template.model, template.version]
    await transaction.execute(text(index_of(found)))
    return found


def index_of(model: TemplateModel) -> str:
    """Makes the index of a model: HNSW over halves, by inner product, as vectors have length 1."""
    return (
        f"CREATE INDEX IF NOT EXISTS face_vector_{model.number} ON face "
        f"USING hnsw ((vector::halfvec({model.dimension})) halfvec_ip_ops) WHERE model = {model.number}"
    )


async def check_same(transaction: Transaction, model: TemplateModel, collections: list[int]) -> None:
    """Raises ``ModelMismatch`` where the collections hold templates of another model."""
    inside = select(membership.c.member).where(membership.c.collection.in_(collections))
    for other in (await known(transaction)).values():
        if other.number != model.number:
            query = select(face.c.id).where(face.c.model == other.number, face.c.member.in_(inside)).limit(1)
            if (await transaction.execute(query)).first() is not None:
                raise ModelMismatch(
                    f"The collection holds templates of {other}, which cannot be compared with those of {model}; "
                    "run 'facet store re-embed', or use the other model again"
                )
