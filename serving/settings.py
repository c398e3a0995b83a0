"""All settings in one frozen object: from ``args`` in serve_config.yaml first, then from ``FACET_…`` variables."""

import os
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Literal

from platformdirs import user_data_path
from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from models import ModelStore, default_cache
from schemas.image import ImageLimits


class Placement(StrEnum):
    """Where an operator wants a service to run, see ``serving/cluster/placement.py``."""

    AUTO = "auto"
    LOCAL = "local"
    REMOTE = "remote"


def default_data_folder() -> Path:
    """Where the database of our own lies: with the user's data; for root, whose home is closed to others, in /var."""
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        return Path("/var/lib/facet")  # PostgreSQL runs as another user and must get there
    return user_data_path("facet")


def arguments(configuration: Mapping[str, Any]) -> dict[str, Any]:
    """The settings in a Serve configuration, of which Facet is the first application."""
    found: dict[str, Any] = configuration["applications"][0].get("args") or {}
    return found


class Settings(BaseSettings):
    """What an operator may choose. Unknown names are refused."""

    model_config = SettingsConfigDict(env_prefix="FACET_", frozen=True, extra="forbid")

    services: tuple[str, ...] | None = Field(default=None, description="The services to run; by default all")
    cache: Path = Field(default_factory=default_cache, description="Folder for the models that were pulled")
    model_mirror: Path | None = Field(default=None, description="Folder with model files to use as they are")
    models: dict[str, str] = Field(
        default={}, description="The models to use for a task, joined by +, where not the first that are there"
    )
    providers: dict[str, tuple[str, ...]] = Field(
        default={}, description="Execution providers of a service, in order: cpu, cuda, openvino, coreml"
    )
    placement: dict[str, Placement] = Field(
        default={},
        description="Where a service runs: local, in every gateway; remote, in deployments of its own; or auto. "
        "The key default is for all others",
    )
    gateways: int | None = Field(
        default=None, ge=1, description="Gateways to start; by default one a CPU core, up to 8"
    )
    max_batch: int = Field(default=32, ge=1, le=1024, description="Objects that a model looks at in one run")
    batch_wait: float | None = Field(
        default=None,
        ge=0,
        le=1,
        description="Seconds that a busy remote service waits for more requests to look at together, at the most; "
        "by default 0, and 0.005 with a GPU",
    )
    idle_unload: float | None = Field(
        default=None,
        gt=0,
        description="Seconds after which a service that nobody asked anything gives the memory of its models back; "
        "the next request waits until they are loaded again. By default never",
    )
    threads: int = Field(default=1, ge=1, le=64, description="ONNX Runtime threads of a replica")
    thresholds: dict[str, float] = Field(default={}, description="The detection threshold of a detector, 0..1")
    graphs: dict[str, dict[str, Any]] = Field(default={}, description="Named graphs, see graph/spec.py")
    default_graph: str = Field(default="face-analytics", description="The graph of a request that names none")

    max_image_bytes: int = Field(default=ImageLimits().size, ge=1, description="The largest encoded image")
    max_image_pixels: int = Field(default=ImageLimits().pixels, ge=1, description="The largest decoded image")
    max_pixels_in_flight: int = Field(
        default=2 * ImageLimits().pixels, ge=1, description="Decoded pixels of all requests together; more wait"
    )
    max_requests: int = Field(default=128, ge=1, description="Requests at a time, of a gateway; more are refused")
    max_queued: int = Field(default=256, ge=1, description="Calls that wait for a remote service; more are refused")
    max_bytes_in_flight: int = Field(
        default=256 * 2**20, ge=1, description="Bytes of the bodies of all requests of a gateway; more are refused"
    )
    max_body_bytes: int = Field(default=16 * 2**20, ge=1, description="The largest request body")
    max_objects: int = Field(default=1000, ge=1, description="The most objects in a document")
    max_samples: int = Field(default=64, ge=1, description="The most samples in a batch")
    max_nodes: int = Field(default=64, ge=1, description="The most nodes in a graph")
    request_timeout: float = Field(
        default=30.0, gt=0, description="Seconds until a request is given up; X-Request-Timeout may ask for less"
    )
    body_timeout: float = Field(default=15.0, gt=0, description="Seconds within which a request's body must arrive")

    facades: tuple[str, ...] | None = Field(
        default=None, description="The interfaces of other products to serve; by default all, () for none"
    )
    database_url: SecretStr | None = Field(
        default=None,
        description="The PostgreSQL that remembers people; by default 'facet serve' runs one of its own",
    )
    data_folder: Path = Field(default_factory=default_data_folder, description="Folder of the database of its own")
    database_connections: int = Field(default=8, ge=1, le=100, description="Connections of a gateway to the database")
    store_images: bool = Field(
        default=False, description="Whether photos and crops of the faces that are enrolled are kept"
    )
    compreface_answers: Literal["1", "0"] = Field(
        default="1", description="The version of CompreFace whose answers its interface gives: 1.x, or 0.x"
    )
    require_key: bool = Field(
        default=False, description="Whether every request but probes must carry a key; always so with api_keys"
    )

    log_requests: bool = Field(default=False, description="Whether to log a line of each request, without its content")
    traces: Path | None = Field(
        default=None, description="Folder for the spans of requests, as lines of JSON; docs/observability.md has more"
    )

    cors_origins: tuple[str, ...] = Field(
        default=(), description="Web origins that browsers may call from; '*' for all"
    )
    hosts: tuple[str, ...] = Field(
        default=(),
        description="Names with a dot by which a server without keys may be called, as a proxy before it may do",
    )
    api_keys: tuple[Annotated[SecretStr, Field(min_length=8)], ...] = Field(
        default=(), description="If any are given, a request must carry one"
    )

    @field_validator("cache", "model_mirror", "traces", "data_folder")
    @classmethod
    def _absolute(cls, path: Path | None) -> Path | None:
        """Replicas run in other folders than the one that a relative path is meant from."""
        return None if path is None else path.expanduser().absolute()

    def store(self) -> ModelStore:
        """The model files that these settings point at."""
        return ModelStore(self.cache, self.model_mirror)

    def asked_of(self, service: str) -> tuple[str, ...]:
        """The execution providers of a service, as they were named."""
        return self.providers.get(service, ("cpu",))

    def accelerated(self, service: str) -> bool:
        """Whether a service is to run on something else than a CPU."""
        return any(name.lower() not in {"cpu", "cpuexecutionprovider"} for name in self.asked_of(service))

    @property
    def image_limits(self) -> ImageLimits:
        return ImageLimits(self.max_image_bytes, self.max_image_pixels)
