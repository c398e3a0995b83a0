"""The liveness network, how it learns, and the file it becomes. Needs PyTorch, which the product does not."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from torch import nn

from estimators.base import Image

_WIDTHS = (16, 24, 48, 96)
_RATE = 3e-3  # the highest
_DECAY = 0.02

Batch = tuple[NDArray[np.uint8], NDArray[np.float32]]  # (n, size, size, 3) RGB, (n,) how live


class _Residual(nn.Module):  # type: ignore[misc]  # PyTorch is not checked
    """Two convolutions beside an identity."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(width, width, 3, padding=1, bias=False),
            nn.BatchNorm2d(width),
            nn.ReLU(),
            nn.Conv2d(width, width, 3, padding=1, bias=False),
            nn.BatchNorm2d(width),
        )

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        return torch.relu(values + self.body(values))


class LivenessNetwork(nn.Module):  # type: ignore[misc]  # PyTorch is not checked
    """(n, 3, size, size) float32 RGB 0..255 to (n,) log odds of live."""

    def __init__(self) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        before = 3
        for depth, width in enumerate(_WIDTHS):
            layers += [nn.Conv2d(before, width, 3, stride=2, padding=1, bias=False), nn.BatchNorm2d(width), nn.ReLU()]
            layers += [_Residual(width)] if depth else []
            before = width
        self.features = nn.Sequential(*layers)
        self.head = nn.Sequential(nn.Dropout(0.3), nn.Linear(before, 1))

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.head(self.features((images - 127.5) / 64.0).mean((2, 3)))[:, 0]


class _Answering(nn.Module):  # type: ignore[misc]  # PyTorch is not checked
    """The network as the product runs it: P(live)."""

    def __init__(self, network: LivenessNetwork) -> None:
        super().__init__()
        self.network = network

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return torch.sigmoid(self.network(images))


def trained(batches: Iterator[Batch], steps: int, seed: int) -> LivenessNetwork:
    """A network that has seen ``steps`` batches; the same on one machine for the same batches and seed."""
    torch.manual_seed(seed)
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(mode=True)
    network: LivenessNetwork = LivenessNetwork().to(memory_format=torch.channels_last)
    optimiser = torch.optim.AdamW(network.parameters(), lr=_RATE, weight_decay=_DECAY)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, max_lr=_RATE, total_steps=steps, pct_start=0.15)
    loss_of = nn.BCEWithLogitsLoss()
    network.train()
    recent = 0.0
    for step in range(1, steps + 1):
        images, live = next(batches)
        loss = loss_of(network(_tensor(images)), torch.from_numpy(live))
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        optimiser.step()
        schedule.step()
        recent = 0.98 * recent + 0.02 * float(loss.detach())
        if step % 200 == 0:
            print(f"step {step} of {steps}: loss {recent / (1 - 0.98**step):.3f}", flush=True)
    network.eval()
    return network


def answers(network: LivenessNetwork, crops: list[Image], batch: int = 64) -> NDArray[np.float32]:
    """(n,) P(live)."""
    with torch.no_grad():
        parts = [
            torch.sigmoid(network(_tensor(np.stack(crops[start : start + batch])))).numpy()
            for start in range(0, len(crops), batch)
        ]
    return np.concatenate(parts)


def export(network: LivenessNetwork, size: int, path: Path) -> None:
    """Writes the network as ONNX: ``image`` (N, 3, size, size) float32 RGB 0..255 in, ``live`` (N,) P(live) out."""
    path.parent.mkdir(parents=True, exist_ok=True)
    torch.onnx.export(
        _Answering(network).eval(),
        (torch.zeros(1, 3, size, size),),
        str(path),
        input_names=["image"],
        output_names=["live"],
        dynamic_axes={"image": {0: "N"}, "live": {0: "N"}},
        opset_version=17,
        dynamo=False,
    )
    onnx.checker.check_model(onnx.load(path), full_check=True)


def _tensor(images: NDArray[np.uint8]) -> torch.Tensor:
    """(n, 3, size, size) float32, laid out as the convolutions like it."""
    planes = torch.from_numpy(np.ascontiguousarray(images)).permute(0, 3, 1, 2).float()
    return planes.contiguous(memory_format=torch.channels_last)
