"""What a collection asks of the faces that are enrolled in it."""

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from schemas import Attributes, Frame
from schemas.attributes import BOX, CONFIDENCE, QUALITY


class Gate(BaseModel):
    """The quality gate of a collection, the member ``gate`` of its settings; by default everything passes."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    min_face_size: float = Field(default=0, ge=0, description="Pixels, the shorter side of the face's box")
    min_confidence: float = Field(default=0, ge=0, le=1, description="Of detection")
    min_total_score: float = Field(default=0, ge=0, le=1, description="Of quality-assessment-estimator")
    single_face: bool = Field(default=False, description="Exactly one face in the photo")

    @classmethod
    def of(cls, settings: Mapping[str, Any]) -> "Gate":
        """The gate in the settings of a collection."""
        return cls.model_validate(settings.get("gate") or {})

    @property
    def outputs(self) -> frozenset[str]:
        """What must be known of a face to judge it, beside its box."""
        return frozenset({"quality"} if self.min_total_score else ())

    def refusals(self, faces: Sequence[Attributes], frame: Frame) -> list[str]:
        """Why the faces of a photo of ``frame`` pixels may not be enrolled; nothing where they may."""
        found = []
        if self.single_face and len(faces) != 1:
            found.append(f"the photo shows {len(faces)} faces instead of one")
        for index, face in enumerate(faces):
            which = f"face {index + 1}: " if len(faces) > 1 else ""
            found += [f"{which}{reason}" for reason in self._reasons(face, frame)]
        return found

    def _reasons(self, face: Attributes, frame: Frame) -> list[str]:
        box = face[BOX]
        size = min(box.width * frame.width, box.height * frame.height)
        found = []
        if size < self.min_face_size:
            found.append(f"the face is {size:.0f} pixels small, at least {self.min_face_size:.0f} are wanted")
        if face[CONFIDENCE] < self.min_confidence:
            found.append(f"the face was detected with confidence {face[CONFIDENCE]:.2f}, below {self.min_confidence}")
        if self.min_total_score:
            score = float(face[QUALITY]["total_score"])
            if score < self.min_total_score:
                found.append(f"its quality is {score:.2f}, below {self.min_total_score}")
        return found
