"""The guide to the evaluation names every task and every column."""

from pathlib import Path

import pytest

from eval.tasks import TASKS

GUIDE = (Path(__file__).parents[2] / "docs" / "evaluation.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", TASKS)
def test_every_task_has_its_folder_in_the_guide(name: str) -> None:
    (row,) = [line for line in GUIDE.splitlines() if line.startswith(f"| `{name}` |")]
    assert f"`{TASKS[name].folder}`" in row
