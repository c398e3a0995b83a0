"""Faces: where they are, their points, and how the head is turned."""

from estimators.face.fitter import FaceFitter

__all__ = ["FaceFitter"]
