"""The identity store: who was enrolled, with which faces, in which collections; in PostgreSQL.

The modules ``collections``, ``members``, ``faces``, ``keys`` and ``events`` hold functions that work within a
transaction that ``Store.begin`` gives, so that whoever calls several of them makes one change of it.
"""

from store import collections, events, faces, keys, members
from store.database import Transaction, check_address
from store.errors import BadValue, Damaged, Duplicate, ModelMismatch, NotFound, StoreError, StoreUnavailable
from store.paging import Paging
from store.records import Collection, Face, Key, Match, Member, NewFace, Page, StoredImage
from store.store import Store

__all__ = [
    "BadValue",
    "Collection",
    "Damaged",
    "Duplicate",
    "Face",
    "Key",
    "Match",
    "Member",
    "ModelMismatch",
    "NewFace",
    "NotFound",
    "Page",
    "Paging",
    "Store",
    "StoreError",
    "StoreUnavailable",
    "StoredImage",
    "Transaction",
    "check_address",
    "collections",
    "events",
    "faces",
    "keys",
    "members",
]
