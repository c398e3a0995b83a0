"""A small fixed part of the labelled images is answered as well as it was when ``accuracy.toml`` was written.

The bands are narrow: the same images and models give the same figures, but for the last digits of arithmetic on other
machines. A figure that leaves its band was made better or worse by a change; if that is meant, so is the new band.
"""

import io
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest
from rich.console import Console

from eval.bench import Bench
from eval.bootstrap import Bootstrap
from eval.client import Client
from eval.local import served
from eval.report import Outcome
from eval.run import measured
from eval.tasks import TASKS
from serving.settings import Settings

BANDS = tomllib.loads(Path(__file__).with_name("accuracy.toml").read_text(encoding="utf-8"))
WITH = BANDS.pop("models")  # those that the bands were written with
LIMIT = BANDS.pop("limit")  # images of each labels file


@pytest.fixture(scope="session")
def figures(settings: Settings, data: Callable[[str], Path]) -> dict[str, dict[str, float]]:
    """The figures of a small part of each set, by task and name."""
    root = data("verification").parent
    with served(settings) as address, Client(address) as client:
        if not set(WITH) <= set(client.models()):
            pytest.skip(f"not all of the models {', '.join(WITH)} are installed")
        bench = Bench(root, client, Console(file=io.StringIO()), workers=2, limit=LIMIT)
        outcomes = measured(list(TASKS.values()), bench, Bootstrap(resamples=2), Console())
    assert [outcome.problem for outcome in outcomes if outcome.problem] == []
    assert [line for outcome in outcomes for line in outcome.left_out] == []
    return {outcome.task.name: _whole(outcome) for outcome in outcomes}


def _whole(outcome: Outcome) -> dict[str, float]:
    """The figures on all images."""
    return {figure.name: figure.value for figure in outcome.figures if not figure.half}


@pytest.mark.parametrize(("task", "name"), [(task, name) for task, bands in BANDS.items() for name in bands])
def test_a_figure_stays_in_its_band(task: str, name: str, figures: dict[str, dict[str, float]]) -> None:
    low, high = BANDS[task][name]
    assert low <= figures[task][name] <= high
