"""Plots become pictures."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from eval.plots import Bars, Curves, Line, Matrix, Plot, Ranks, draw

PLOTS: list[Plot] = [
    Curves("det", "Errors", "x", "y", [Line("one", [0.001, 0.1], [0.5, 0.01], marked=True)], "xy"),
    Curves("reliability", "Claims", "x", "y", [Line("one", [0, 1], [0.1, 0.9])], diagonal=True),
    Matrix("confusion", "Answers", ["a", "b"], np.array([[3, 1], [0, 0]])),
    Bars("bars", "Bars", "years", ["a", "b"], {"one": [1, 2], "two": [-1, 0]}, [(0.5, 1.5), (1, 4)]),
    Ranks("ranks", "Ranks", "rate", ["a", "b"], [0.1, 0.2], [(0, 0.3), (0.1, 0.2)]),
]


@pytest.mark.parametrize("plot", PLOTS, ids=lambda plot: plot.name)
def test_a_plot_is_drawn_and_the_same_each_time(plot: Plot, tmp_path: Path) -> None:
    for name in ("first.png", "second.png"):
        draw(plot, tmp_path / name)
    assert (tmp_path / "first.png").read_bytes() == (tmp_path / "second.png").read_bytes()
    pixels = np.asarray(Image.open(tmp_path / "first.png").convert("L"))
    assert pixels.shape == (360, 540)
    assert 0.01 < (pixels < 200).mean() < 0.9
