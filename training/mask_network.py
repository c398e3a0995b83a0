"""The mask network in PyTorch, which only training needs: its layers, its training and its export to ONNX."""

from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from estimators.base import Image

_WIDTHS = ((3, 16, 2), (16, 32, 1), (32, 32, 2), (32, 48, 1), (48, 64, 2), (64, 64, 1), (64, 80, 2), (80, 80, 1))
_OPSET = 11
_RATE, _DECAY, _SMOOTHING = 3e-3, 0.02, 0.02

Batches = Callable[[int], tuple[Image, NDArray[np.float32]]]  # from a count to crops (count, size, size, 3) and 0 or 1


class MaskNetwork(nn.Module):  # type: ignore[misc]  # torch is not there when types are checked
    """Eight convolutions of 3 x 3, the mean over what is left of the plane, and one answer."""

    def __init__(self) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for inputs, outputs, stride in _WIDTHS:
            layers += [nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU()]
        self.features = nn.Sequential(*layers)
        self.answer = nn.Sequential(nn.Flatten(), nn.Dropout(0.1), nn.Linear(_WIDTHS[-1][1], 1))

    def forward(self, crops: Tensor) -> Tensor:
        """(n,) log odds of a mask from (n, size, size, 3) RGB 0..255."""
        planes = crops.permute(0, 3, 1, 2) / 127.5 - 1
        return self.answer(nn.functional.adaptive_avg_pool2d(self.features(planes), 1)).squeeze(1)


class EitherWay(nn.Module):  # type: ignore[misc]  # as above
    """P(mask) by the mean of the log odds of a face and of its mirror image."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, crops: Tensor) -> Tensor:
        return torch.sigmoid((self.network(crops) + self.network(torch.flip(crops, [2]))) / 2)


def trained(batches: Batches, steps: int, batch: int, seed: int, told: Callable[[str], None]) -> MaskNetwork:
    """A network after ``steps`` of ``batch`` crops each. The same arguments give the same network on one thread."""
    torch.manual_seed(seed)
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    network: MaskNetwork = MaskNetwork().to(memory_format=torch.channels_last)
    optimizer = torch.optim.AdamW(network.parameters(), lr=_RATE, weight_decay=_DECAY)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, _RATE, total_steps=steps, pct_start=0.15)
    loss_of = nn.BCEWithLogitsLoss()
    losses: list[float] = []
    for step in range(steps):
        crops, masked = batches(batch)
        target = torch.from_numpy(masked * (1 - _SMOOTHING) + _SMOOTHING / 2)
        loss = loss_of(network(torch.from_numpy(crops).float()), target)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
        losses.append(loss.item())
        if (step + 1) % 100 == 0:
            told(f"step {step + 1} of {steps}: loss {np.mean(losses[-100:]):.4f}")
    network.eval()
    return network


def odds(network: MaskNetwork, crops: Iterable[Image]) -> NDArray[np.float32]:
    """(n,) P(mask) of crops (size, size, 3)."""
    with torch.no_grad():
        shown = torch.from_numpy(np.stack(list(crops))).float()
        return np.asarray(EitherWay(network)(shown).numpy(), np.float32)


def export(network: MaskNetwork, path: Path, size: int) -> None:
    """Writes the network as ONNX: N,size,size,3 RGB 0..255 to (N,) P(mask)."""
    torch.onnx.export(
        EitherWay(network).eval(),
        (torch.zeros(1, size, size, 3),),
        str(path),
        input_names=["crops"],
        output_names=["masked"],
        dynamic_axes={"crops": {0: "N"}, "masked": {0: "N"}},
        opset_version=_OPSET,
        dynamo=False,
    )
