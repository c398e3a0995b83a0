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

    Where a vendor publishes a threshold in points (3DiVi/face-sdk, conf/facerec/quality_assessment.xml, version 3.30:
    sharpness 20, illumination 50, noise 20, neutral 20 and mask 20 of 100), the scores accept at the same number; its
    limit of 60 pixels between the eyes is kept, too. Its limit of 10 degrees is not: it is of another pose estimator,
    and refuses two thirds of press photographs, which are recognised all the same.

    Middles, widths and the limit of rotation are set by data, on one half of it: ``training/quality_thresholds.py``
    says how and prints them, with their figures on the other half. The scale of watermarks is that of their own
    logistic regression, by ``training/watermark.py``.
    """

    sharpness: Scale = Scale(0.210, 0.0239, 0.20)  # fine over coarse detail
    illumination: Scale = Scale(0.278, 0.126, 0.50)  # common part of the cheeks' histograms
    flare: Scale = Scale(0.0448, -0.0298, 0.50)  # share of the skin that glares
    noise: Scale = Scale(7.48, -2.02, 0.20)  # grey levels
    openness: Scale = Scale(0.274, 0.0225, 0.50)  # height over width of an eye
    watermark: Scale = Scale(0.0, 1.0, 0.50)  # log odds
    background: Scale = Scale(3.01, -0.913, 0.70)  # grey levels per pixel of the context
    not_masked: Scale = Scale(1.75, 1.21, 0.20)  # log odds of a bare face, by the network; even odds score about 20
    bare_colours: Scale = Scale(1.72, 1.26, 0.20)  # the same by colours, where there is no network
    neutral: float = 0.20  # likelihood of the neutral expression
    rotation: float = 39.0  # degrees
    # The pitch in degrees of those who look at the camera: the median over 169 press photos of LFW and 141 studio
    # portraits of All-Age-Faces whose yaw is below 12 degrees is -3.7 in the former and -5.4 in the latter.
    pitch_offset: float = -4.5
    eyes_distance: float = 60.0  # pixels
    outer_margin: float = 0.5  # pixels that may be missing of the head: none, but for rounding
    # What may be missing of the room round it, in distances from the eyes to the chin. ISO/IEC 29794-5 takes the room
    # it asks for with a tolerance, too: a sigmoid 0.1 wide.
    inner_margin: float = 0.1
    dynamic_range: float = 127.0  # grey levels; ISO/IEC 19794-5 wants 7 bits of variation in the face


THRESHOLDS = Thresholds()
