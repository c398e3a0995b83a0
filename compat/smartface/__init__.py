"""SmartFace's Lightweight Facial Identification Service: its interface on the services and the store of Facet."""

from compat.smartface.app import SmartFace

__all__ = ["SmartFace"]
