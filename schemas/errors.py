"""Faults in what the client sent. None of them knows an HTTP status.

    Fault(ValueError)
    ├── BadDocument    the document does not have the form it should: says where and why
    ├── BadEncoding    text that should be base64 is not
    ├── BadImage       bytes that should be an image are not
    └── TooLarge       a configured limit is exceeded: says which

``schemas.template`` adds ``BadTemplate``. All are built from positional arguments alone, so that they survive pickling.
"""


class Fault(ValueError):
    """The client's input is at fault; the message says how."""

    @property
    def message(self) -> str:
        return str(self.args[0]) if self.args else type(self).__name__


class BadDocument(Fault):
    """``BadDocument(message, where, kind)``: ``where`` is the path of keys and indices, ``kind`` a machine's word."""

    @property
    def where(self) -> tuple[str | int, ...]:
        return tuple(self.args[1]) if len(self.args) > 1 else ()

    @property
    def kind(self) -> str:
        return str(self.args[2]) if len(self.args) > 2 else "value_error"

    def under(self, *path: str | int) -> "BadDocument":
        """The same fault, seen from ``path`` further out."""
        return BadDocument(self.message, (*path, *self.where), self.kind)


class BadEncoding(Fault):
    """Text that should be base64 is not."""


class BadImage(Fault):
    """Bytes that should be an image are not."""


class TooLarge(Fault):
    """A limit is exceeded; the message names the limit."""
