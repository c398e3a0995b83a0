"""Facet with the interfaces of other products: the application that serve_config.yaml names."""

from collections.abc import Mapping

from ray.serve import Application

from compat.compreface import CompreFace
from compat.smartface import SmartFace
from serving.cluster import app
from serving.facade import Maker
from serving.settings import Settings

FACADES: Mapping[str, Maker] = {facade.name: facade for facade in (CompreFace, SmartFace)}


def build(args: Settings) -> Application:
    """The application with the façades that the settings name, by default all; refuses settings that cannot work."""
    return app.assembled(args, FACADES)
