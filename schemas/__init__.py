"""The wire documents: canonical attributes, and the v1 and v2 dialects that carry them."""

from schemas.attributes import Attribute, Attributes
from schemas.dialect import Dialect, Frame, Picture
from schemas.document import Document
from schemas.errors import BadDocument, BadEncoding, BadImage, Fault, TooLarge

__all__ = [
    "Attribute",
    "Attributes",
    "BadDocument",
    "BadEncoding",
    "BadImage",
    "Dialect",
    "Document",
    "Fault",
    "Frame",
    "Picture",
    "TooLarge",
]
