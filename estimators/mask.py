"""Whether a face wears a medical mask."""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from estimators.base import Estimator, Image, Models
from estimators.confidence import load_scaling
from estimators.geometry import square_crop
from models import Session
from schemas.attributes import BOX, MASK, Attributes, Scored

# AIZOOTech/FaceMaskDetection (MIT) is a detector of masked and bare faces, which is shown one face at a time here. It
# takes 260 x 260 pixels; a square twice the face box puts the face at the size at which it is surest. Its anchors lie
# on five square grids, as (cells a side, two sizes in fractions of the crop), in the shapes that ``_anchors`` lists.
_GRIDS = (
    (33, (0.04, 0.056)),
    (17, (0.08, 0.11)),
    (9, (0.16, 0.22)),
    (5, (0.32, 0.45)),
    (3, (0.64, 0.72)),
)
_RATIOS = (0.62, 0.42)  # width : height of the narrower anchors


def _anchors() -> NDArray[np.float64]:
    """(5972, 4) centre x and y, width and height of the anchors in fractions of the crop, in the network's order.

    Each cell has a square of either size, then the first size in either of the narrower ratios.
    """
    grids = []
    for cells, sizes in _GRIDS:
        shapes = [(size, size) for size in sizes] + [
            (sizes[0] * ratio**0.5, sizes[0] / ratio**0.5) for ratio in _RATIOS
        ]
        centres = (np.arange(cells) + 0.5) / cells
        grid = np.empty((cells, cells, len(shapes), 4))
        grid[..., 0], grid[..., 1] = centres[None, :, None], centres[:, None, None]
        grid[..., 2:] = shapes
        grids.append(grid.reshape(-1, 4))
    return np.concatenate(grids)


def _over_centre(anchors: NDArray[np.float64]) -> NDArray[np.bool_]:
    """(n,) whether an anchor covers the centre of the crop, where the face is."""
    covers: NDArray[np.bool_] = np.all(abs(anchors[:, :2] - 0.5) < anchors[:, 2:] / 2, axis=1)
    return covers


_CENTRAL = _over_centre(_anchors())


def _aizoo_masked(run: Session, crops: Sequence[Image]) -> NDArray[np.float32]:
    """(n,) P(mask) among the two classes: the highest scores that any anchor over the centre gives to each."""
    scores = run(np.stack(crops).astype(np.float32) / np.float32(255))[1]  # (n, 5972, 2) of mask and no mask
    masked, bare = np.moveaxis(scores[:, _CENTRAL].max(1), 1, 0)
    share: NDArray[np.float32] = masked / np.maximum(masked + bare, 1e-9)
    return share


def _facet_masked(run: Session, crops: Sequence[Image]) -> NDArray[np.float32]:
    """(n,) P(mask), which Facet's own network gives as it is; it takes RGB 0..255."""
    return run(np.stack(crops).astype(np.float32))[0]


class MaskNetwork(NamedTuple):
    """How a network is shown a face, and what it says of it."""

    scale: float  # the side of the square crop over the longer side of the face box
    size: int  # of the crop, pixels
    masked: Callable[[Session, Sequence[Image]], NDArray[np.float32]]  # from n > 0 crops to (n,) P(mask), uncalibrated


NETWORKS: Mapping[str, MaskNetwork] = {
    "aizoo-mask": MaskNetwork(2.0, 260, _aizoo_masked),
    "facet-mask": MaskNetwork(1.4, 64, _facet_masked),  # as training/mask.py cuts them
}


class MaskEstimator(Estimator[Image]):
    """Estimates how likely a face wears a medical mask.

    A view is the network's crop, (260, 260, 3) or (64, 64, 3) uint8 RGB.
    """

    name = "mask-estimator"
    requires = frozenset({BOX})
    provides = frozenset({MASK})
    tasks = ("mask",)

    def __init__(self, models: Models) -> None:
        model = models["mask"][0]
        self._run, self._network = model.run, NETWORKS[model.architecture]
        self._scaling = load_scaling((model,))

    def view(self, image: Image, attributes: Attributes) -> Image:
        return square_crop(image, attributes[BOX], self._network.scale, self._network.size)

    def uncalibrated(self, views: Sequence[Image]) -> NDArray[np.float32]:
        """(n,) P(mask) as the network tells it, of n > 0 views."""
        return self._network.masked(self._run, views)

    def estimate(self, views: Sequence[Image]) -> list[Attributes]:
        if not views:
            return []
        shares = self._scaling.yes(self.uncalibrated(views))
        return [Attributes({MASK: Scored(bool(masked > 0.5), float(masked))}) for masked in shares]
