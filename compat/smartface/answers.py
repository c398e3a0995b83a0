"""What clients get: the objects of the interface, from what was seen and what is stored.

What we have no measure for is null: glasses, brightness, the tip of the nose. Where the interface allows no null, its
neutral value stands there: the zero GUID for tracklets and frames of cameras, which do not exist here.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from compat.smartface import scores
from compat.smartface.requests import Features
from compat.smartface.sights import Seen
from schemas import Frame
from schemas.attributes import AGE, ANGLES, CONFIDENCE, GENDER, MASK, QUALITY, Gender
from store import Collection, Face, Member

Json = dict[str, Any]

_NOWHERE = "00000000-0000-0000-0000-000000000000"
_COLOUR = "#808080"  # of a watchlist without one
_GENDERS = {Gender.MALE: "Male", Gender.FEMALE: "Female"}
ALL = Features()


def watchlist(found: Collection) -> Json:
    threshold = found.threshold
    return {
        "displayName": found.name,
        "fullName": found.full_name or "",
        "threshold": scores.DEFAULT_THRESHOLD if threshold is None else round(threshold),
        "palmThreshold": found.settings.get("palm_threshold", scores.DEFAULT_THRESHOLD),
        "previewColor": found.colour or _COLOUR,
        "id": found.key,
        "createdAt": time(found.created_at),
        "updatedAt": time(found.updated_at),
    }


def member(found: Member, *, images_kept: bool) -> Json:
    return {
        "displayName": found.name or None,
        "fullName": found.full_name,
        "note": found.note,
        "labels": list(found.labels),
        "totpEnabled": False,
        # What this server does with images, whatever was asked for: only those of registration can be kept.
        "privacy": {
            "saveRegistrationImages": images_kept,
            "saveMatchedImages": False,
            "includeMatchedImageInEvents": False,
        },
        "id": found.key,
        "createdAt": time(found.created_at),
        "updatedAt": time(found.updated_at),
    }


def registered(found: Member, lists: Sequence[Collection], faces: Sequence[Face], *, images_kept: bool) -> Json:
    return member(found, images_kept=images_kept) | {
        "watchlists": [watchlist(each) for each in lists],
        "faces": [face(each) for each in faces],
        "palms": [],
    }


def match(score: int, who: Member, where: Collection) -> Json:
    return {
        "score": score,
        "watchlistMemberId": who.key,
        "displayName": who.name or None,
        "fullName": who.full_name,
        "watchlistDisplayName": where.name,
        "watchlistFullName": where.full_name or "",
        "watchlistId": where.key,
        "previewColor": where.colour or _COLOUR,
        "labels": list(who.labels),
    }


def noted(seen: Seen, frame: Frame) -> Json:
    """What is kept of a face that is enrolled, beside its template: what ``face`` tells of it later."""
    facts = seen_face(seen, frame, ALL, None)
    del facts["gender"], facts["faceMaskStatus"]
    return facts | {"facesOnFrameCount": seen.among}


def face(found: Face) -> Json:
    """A face that is stored."""
    facts = dict(found.details)
    size, quality = facts.pop("faceSize", 0.0), facts.pop("quality", None)
    if quality is None:
        quality = scores.detection_quality(found.confidence or 0.0)
    mask = facts.get("faceMaskConfidence")
    return {
        "trackletId": _NOWHERE,
        "state": "Extracted",
        "imageDataId": None if found.crop is None else str(found.crop),
        "processedAt": time(found.created_at),
        "frameId": _NOWHERE,
        "type": "Regular",
        "age": None,
        "gender": None,  # a number of no published meaning
        **_corners(None),
        **dict.fromkeys(("leftEyeX", "leftEyeY", "rightEyeX", "rightEyeY", "faceArea", "faceOrder")),
        **dict.fromkeys(("templateQuality", "faceMaskConfidence", "noseTipConfidence", "facesOnFrameCount")),
        **dict.fromkeys(("yawAngle", "pitchAngle", "rollAngle", "sharpness", "brightness")),
        **dict.fromkeys(("tintedGlasses", "heavyFrame", "glassStatus")),
        **facts,
        "faceMaskStatus": mask_status(mask, _MASKED),
        "quality": quality,
        "size": size,
        "faceAreaChange": 0.0,
        "autolearnClusterType": None,
        "id": str(found.id),
        "createdAt": time(found.created_at),
        "updatedAt": None,
    }


_MASKED = 3000  # the least confidence of a mask where a request names none


def seen_face(seen: Seen, frame: Frame, wanted: Features, mask_threshold: float | None) -> Json:
    """A face of an image: what the answers of Search and Verify have in common.

    Age and gender are told even where they are not wanted: the interface knows no null there.
    """
    found, (left, right) = seen.attributes, seen.eyes
    angles, quality = found.get(ANGLES), found.get(QUALITY)
    mask = found.get(MASK) if wanted.face_mask else None
    mask_confidence = None if mask is None else scores.mask_confidence(mask.confidence)
    return {
        **_corners((seen, frame)),
        "quality": scores.detection_quality(found[CONFIDENCE]),
        "leftEyeX": left[0],
        "leftEyeY": left[1],
        "rightEyeX": right[0],
        "rightEyeY": right[1],
        "age": found.get(AGE),
        "gender": _GENDERS[found[GENDER]] if GENDER in found else None,
        "faceSize": seen.size,
        "faceMaskConfidence": mask_confidence,
        "noseTipConfidence": None,
        "faceMaskStatus": mask_status(mask_confidence, _MASKED if mask_threshold is None else mask_threshold),
        "sharpness": scores.sharpness(float(quality["sharpness_score"])) if quality and wanted.sharpness else None,
        "brightness": None,
        "tintedGlasses": None,
        "heavyFrame": None,
        "glassStatus": None,
        "pitchAngle": angles.pitch if angles and wanted.pitch_angle else None,
        "yawAngle": angles.yaw if angles and wanted.yaw_angle else None,
        "rollAngle": angles.roll if angles and wanted.roll_angle else None,
        "faceArea": seen.area,
        "templateQuality": scores.template_quality(float(quality["total_score"])) if quality else 0,
        "faceOrder": seen.order,
    }


def mask_status(confidence: float | None, threshold: float) -> str:
    if confidence is None:
        return "Unknown"
    return "Mask" if confidence >= threshold else "NoMask"


def time(at: datetime | None) -> str | None:
    """ISO 8601 in UTC, to the microsecond."""
    return None if at is None else at.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def _corners(where: tuple[Seen, Frame] | None) -> Json:
    """The corners of the box, pixels of the upright image; zeros where they are not known."""
    if where is None:
        left = top = right = bottom = 0.0
    else:
        (box, frame) = where[0].box, where[1]
        left, right = box.left * frame.width, box.right * frame.width
        top, bottom = box.top * frame.height, box.bottom * frame.height
    return {
        "cropLeftTopX": left,
        "cropLeftTopY": top,
        "cropRightTopX": right,
        "cropRightTopY": top,
        "cropLeftBottomX": left,
        "cropLeftBottomY": bottom,
        "cropRightBottomX": right,
        "cropRightBottomY": bottom,
    }
