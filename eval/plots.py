"""Plots as data, so that measuring needs no plotting library, and their drawing as PNG files with matplotlib."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray


@dataclass(frozen=True)
class Line:
    """A named line through (n,) points."""

    name: str
    x: ArrayLike
    y: ArrayLike
    marked: bool = False  # draws the points, too


@dataclass(frozen=True)
class Curves:
    """Lines over common axes.

    ``log`` names the axes that are logarithmic ("x", "y", "xy"), ``diagonal`` adds y = x, ``ticks`` are all that is
    marked along x.
    """

    name: str
    title: str
    x: str
    y: str
    lines: Sequence[Line]
    log: str = ""
    diagonal: bool = False
    ticks: Sequence[int] = ()


@dataclass(frozen=True)
class Matrix:
    """How often each label (row) got each answer (column); (k, k) counts."""

    name: str
    title: str
    classes: Sequence[str]
    counts: NDArray[np.int64]


@dataclass(frozen=True)
class Bars:
    """A value for each of some groups, one bar of each series beside the other, with intervals where there are any."""

    name: str
    title: str
    y: str
    groups: Sequence[str]
    series: Mapping[str, Sequence[float]]
    intervals: Sequence[tuple[float, float]] | None = None  # of the first series


@dataclass(frozen=True)
class Ranks:
    """A value with its interval for each of many groups, one below the other."""

    name: str
    title: str
    x: str
    groups: Sequence[str]
    values: Sequence[float]
    intervals: Sequence[tuple[float, float]]


Plot = Curves | Matrix | Bars | Ranks


def draw(plot: Plot, path: Path) -> None:
    """Writes a plot as a PNG file."""
    # Imported here, as only a report needs it and it takes a second to load.
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # noqa: PLC0415
    from matplotlib.figure import Figure  # noqa: PLC0415

    figure = Figure(figsize=(6, 4), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    axes.set_title(plot.title, fontsize=11)
    _DRAWN[type(plot)](axes, plot)
    figure.savefig(path, dpi=90, metadata={"Software": None})  # no version in the file: it changes with its data only


def _curves(axes: Any, plot: Curves) -> None:
    for line in plot.lines:
        axes.plot(line.x, line.y, label=line.name, marker="o" if line.marked else "", markersize=4)
    if plot.diagonal:
        axes.axline((0, 0), slope=1, color="grey", linewidth=0.8, linestyle="--")
    if "x" in plot.log:
        axes.set_xscale("log")
    if plot.ticks:
        axes.set_xticks(plot.ticks, [str(tick) for tick in plot.ticks])
        axes.minorticks_off()
    if "y" in plot.log:
        axes.set_yscale("log")
    axes.set_xlabel(plot.x)
    axes.set_ylabel(plot.y)
    axes.grid(visible=True, alpha=0.3)
    axes.legend(fontsize=8)


def _matrix(axes: Any, plot: Matrix) -> None:
    shares = plot.counts / np.maximum(plot.counts.sum(axis=1, keepdims=True), 1)
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1, aspect="auto")
    for row, column in np.ndindex(plot.counts.shape):
        shade = "white" if shares[row, column] > 0.5 else "black"
        axes.text(column, row, f"{plot.counts[row, column]}", ha="center", va="center", color=shade, fontsize=8)
    ticks = range(len(plot.classes))
    axes.set_xticks(ticks, plot.classes, fontsize=8, rotation=30)
    axes.set_yticks(ticks, plot.classes, fontsize=8)
    axes.set_xlabel("answered")
    axes.set_ylabel("labelled")


def _bars(axes: Any, plot: Bars) -> None:
    places, width = np.arange(len(plot.groups)), 0.8 / len(plot.series)
    for number, (name, values) in enumerate(plot.series.items()):
        axes.bar(places + (number + 0.5) * width - 0.4, values, width, label=name)
    if plot.intervals is not None:
        first = np.array(next(iter(plot.series.values())))
        low, high = np.array(plot.intervals).T
        spread = np.maximum([first - low, high - first], 0)
        axes.errorbar(places + 0.5 * width - 0.4, first, spread, fmt="none", color="black", capsize=3, linewidth=1)
    axes.axhline(0, color="grey", linewidth=0.8)
    axes.set_xticks(places, plot.groups, fontsize=8)
    axes.set_ylabel(plot.y)
    axes.grid(visible=True, axis="y", alpha=0.3)
    if len(plot.series) > 1:
        axes.legend(fontsize=8)


def _ranks(axes: Any, plot: Ranks) -> None:
    places, values = np.arange(len(plot.groups))[::-1], np.asarray(plot.values)
    low, high = np.array(plot.intervals).T
    spread = np.maximum([values - low, high - values], 0)
    axes.barh(places, values, 0.7)
    axes.errorbar(values, places, xerr=spread, fmt="none", color="black", capsize=3, linewidth=1)
    axes.set_yticks(places, plot.groups, fontsize=8)
    axes.set_xlabel(plot.x)
    axes.grid(visible=True, axis="x", alpha=0.3)


_DRAWN: dict[type, Callable[[Any, Any], None]] = {
    Curves: _curves,
    Matrix: _matrix,
    Bars: _bars,
    Ranks: _ranks,
}
