"""The model registry: what serves which task, under which licence, from where, and how a session is opened."""

from models.errors import CorruptModel, ManifestError, MissingModel, ModelError, UnavailableProvider, UnavailableSource
from models.manifest import Manifest, ModelSpec, choice_name, load_manifest
from models.session import PROVIDERS, Model, Session, open_session, provider_names
from models.store import InstalledModel, ModelStore, default_cache

__all__ = [
    "PROVIDERS",
    "CorruptModel",
    "InstalledModel",
    "Manifest",
    "ManifestError",
    "MissingModel",
    "Model",
    "ModelError",
    "ModelSpec",
    "ModelStore",
    "Session",
    "UnavailableProvider",
    "UnavailableSource",
    "choice_name",
    "default_cache",
    "load_manifest",
    "open_session",
    "provider_names",
]
