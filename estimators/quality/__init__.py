"""quality-assessment-estimator, one module for each kind of measure.

``view`` cuts out what the measures look at and ``regions`` says where on it skin and background are. ``exposure``,
``focus``, ``framing``, ``background``, ``watermark`` and ``mask`` measure in native units, ``thresholds`` turns those
into scores and verdicts, ``total`` combines them. The eyes are measured by ``estimators.iris``.
"""

from estimators.quality.estimator import QualityAssessmentEstimator

__all__ = ["QualityAssessmentEstimator"]
