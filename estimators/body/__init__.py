"""Bodies: where the people of an image are."""

from estimators.body.detector import BodyDetector

__all__ = ["BodyDetector"]
