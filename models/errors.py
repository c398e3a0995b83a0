"""What can go wrong with models.

::

    ModelError
    ├── ManifestError (ValueError)        the manifest contradicts itself or lacks something
    ├── MissingModel (LookupError)        no file for a model, or no such model or task
    ├── CorruptModel (ValueError)         a file's digest is not the recorded one
    ├── UnavailableProvider (ValueError)  this ONNX Runtime build lacks an execution provider
    └── UnavailableSource (OSError)       a source did not give a model

Each takes one positional message, so that it survives pickling.
"""


class ModelError(Exception):
    """Something is wrong with a model."""


class ManifestError(ModelError, ValueError):
    """The manifest contradicts itself or lacks something."""


class MissingModel(ModelError, LookupError):
    """A model is not installed, or nobody has heard of it."""


class CorruptModel(ModelError, ValueError):
    """A model file's digest is not the recorded one."""


class UnavailableProvider(ModelError, ValueError):
    """This build of ONNX Runtime does not offer an execution provider."""


class UnavailableSource(ModelError, OSError):
    """A source did not give a model."""
