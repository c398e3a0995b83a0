"""What the routes take and answer, for machines and for the page at ``/docs``."""

from serving.openapi.description import document

__all__ = ["document"]
