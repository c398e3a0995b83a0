"""The numbers of every measure, in one table: how a native value becomes a score, and which scores are acceptable."""

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class Scale:
    """A sigmoid, as ISO/IEC 29794-5 maps native values to scores.

    ``middle`` is the native value that scores one half; ``width`` is in native units, negative where a higher native
    value is worse. Scores from ``acceptable`` on are acceptable.
    """

    middle: float
    width: float
    acceptable: float = 0.5

    def score(self, native: float) -> float:
        """The score in [0, 1] of a native value."""
        exponent = (self.middle - native) / self.width
        return 1 / (1 + math.exp(min(max(exponent, -700.0), 700.0)))  # beyond that exp overflows

    def accepts(self, score: float) -> bool:
        """Whether a score is acceptable."""
        return score >= self.acceptable


@dataclass(frozen=True)
class Thresholds:
    """Native units are given beside each scale; the measures' own modules define the values.

    Where a vendor publishes a threshold (3DiVi/face-sdk, conf/facerec/quality_assessment.xml, version 3.30: sharpness
    20, illumination 50, noise 20, neutral 20 and mask 20 of 100 points, angles 10 degrees, eyes 60 pixels apart), the
    scores accept at the same number; middles and widths were set on some 300 photographs of faces, so that good ones
    score high and clearly degraded ones fall below: ``tests/unit/test_quality_degradation.py``.
    """

    sharpness: Scale = Scale(0.20, 0.02, 0.20)  # fine over coarse detail
    illumination: Scale = Scale(0.45, 0.09, 0.50)  # common part of the cheeks' histograms
    flare: Scale = Scale(0.03, -0.007, 0.50)  # share of the skin that glares
    noise: Scale = Scale(6.0, -1.0, 0.20)  # grey levels
    openness: Scale = Scale(0.26, 0.025, 0.50)  # height over width of an eye
    watermark: Scale = Scale(0.0, 1.0, 0.50)  # log odds
    background: Scale = Scale(2.6, -0.8, 0.70)  # grey levels per pixel of the context
    not_masked: Scale = Scale(0.0, 1.0, 0.20)  # log odds
    neutral: float = 0.20  # likelihood of the neutral expression
    rotation: float = 10.0  # degrees
    # The pitch in degrees of those who look at the camera: the median over 220 press photos of LFW and 80 studio
    # portraits of All-Age-Faces whose yaw is below 12 degrees is -5.6 in either set.
    pitch_offset: float = -5.6
    eyes_distance: float = 60.0  # pixels
    outer_margin: float = 0.5  # pixels that may be missing of the head: none, but for rounding
    # What may be missing of the room round it, in distances from the eyes to the chin. ISO/IEC 29794-5 takes the room
    # it asks for with a tolerance, too: a sigmoid 0.1 wide.
    inner_margin: float = 0.1
    dynamic_range: float = 127.0  # grey levels; ISO/IEC 19794-5 wants 7 bits of variation in the face


THRESHOLDS = Thresholds()
