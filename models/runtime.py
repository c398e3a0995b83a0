"""ONNX Runtime with its telemetry off. Import it from here: this is the only module that imports it directly.

ONNX Runtime 1.31 for Linux writes a device id and a queue of events into the user's cache folder when it is imported,
and looks up the host that it uploads them to. The variable is read at that moment, so it must be set before.
"""

import os

os.environ["ORT_DISABLE_TELEMETRY"] = "1"

import onnxruntime

__all__ = ["onnxruntime"]
