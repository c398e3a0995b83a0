"""What the store refuses, and why; each carries one message that may be shown to a client."""


class StoreError(Exception):
    """The store cannot do what was asked."""


class NotFound(StoreError):
    """There is no such collection, member, face, image or key."""


class Duplicate(StoreError):
    """There is one with this name already."""


class ModelMismatch(StoreError):
    """The templates of two different models meet, which cannot be compared."""


class StoreUnavailable(StoreError):
    """The database does not answer, or has not the tables of this version."""


class BadValue(StoreError):
    """A text or number that a database cannot hold: with a NUL character, or too large."""


class Damaged(StoreError):
    """A file of exported members cannot be imported; the message says what is wrong, and at which byte."""
