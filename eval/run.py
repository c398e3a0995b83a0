"""A whole run: every task asked and measured, what fails told, and the rest measured all the same."""

from collections.abc import Sequence

from rich.console import Console

from eval.bench import Bench, summary
from eval.bootstrap import Bootstrap
from eval.client import RequestFailed
from eval.labels import BadLabels
from eval.report import Outcome
from eval.task import AnyTask


def measured(tasks: Sequence[AnyTask], bench: Bench, bootstrap: Bootstrap, console: Console) -> list[Outcome]:
    """The outcome of each task; what could not be measured, and what was left out, is told on the console at once."""
    outcomes = []
    for task in tasks:
        bench.left_out = []
        try:
            outcome = Outcome(task, task.run(bench, bootstrap), bench.left_out)
        except BadLabels as error:
            outcome = Outcome(task, None, bench.left_out, str(error))
        except (RequestFailed, ValueError) as error:  # nothing was answered, or too little for a figure
            outcome = Outcome(task, None, bench.left_out, f"cannot be measured: {error}")
        if outcome.problem:
            console.print(f"{task.name}: {outcome.problem}", style="red", markup=False, highlight=False, soft_wrap=True)
        for line in summary(outcome.left_out):
            console.print(f"{task.name}: {line}", style="yellow", markup=False, highlight=False, soft_wrap=True)
        outcomes.append(outcome)
    return outcomes
