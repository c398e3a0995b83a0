"""CompreFace's face plugins, and which of our services do their work.

A plugin that there is not, among them ``landmarks2d106``, says nothing: so does CompreFace's core with those that its
build lacks.
"""

from collections.abc import Collection, Mapping

from serving.engine.engine import Engine

DETECTOR = "face-detector-face-fitter"
CALCULATOR = "calculator"

# By slug the outputs of a graph; boxes, key points and poses come with every face.
OUTPUTS: Mapping[str, tuple[str, ...]] = {
    "age": ("age",),
    "gender": ("gender",),
    "mask": ("mask",),
    "pose": ("pose",),
    "landmarks": (),
    CALCULATOR: ("template",),
}
_SERVICES: Mapping[str, str] = {
    "age": "age-estimator",
    "gender": "gender-estimator",
    "mask": "mask-estimator",
    CALCULATOR: "template-extractor",
    "pose": DETECTOR,
}
_TIMED = ("age", "gender", "mask", CALCULATOR)  # pose and landmarks take no time beside the detector's


def outputs(plugins: Collection[str]) -> set[str]:
    """What must be asked of the services for some plugins."""
    return {output for slug in plugins for output in OUTPUTS.get(slug, ())}


def times(spent: Mapping[str, float], plugins: Collection[str], faces: int) -> dict[str, float]:
    """Milliseconds that each plugin, and the detector, took for one of ``faces`` faces, of those of each service."""
    named = {slug: _SERVICES[slug] for slug in _TIMED if slug in plugins} | {"detector": DETECTOR}
    return {slug: round(spent[name] / faces, 3) for slug, name in named.items() if name in spent}


async def versions(engine: Engine, plugins: Collection[str]) -> dict[str, str]:
    """The service behind each plugin and the models that it has: ``age-estimator@faceapi_age_gender``."""
    named = {"detector": DETECTOR} | {slug: name for slug, name in _SERVICES.items() if slug in plugins}
    found = {name: await engine.stages[name].status() for name in set(named.values()) if name in engine.stages}
    return {
        slug: "@".join([name, *(["+".join(found[name].models)] if found[name].models else [])])
        for slug, name in named.items()
        if name in found
    }
