"""Finishes the models of an image: keeps their optimised forms beside them, and ends a build that lacks some."""

import sys

from estimators import CATALOGUE
from models import ModelStore
from serving.settings import Settings


def lacking(store: ModelStore) -> dict[str, list[str]]:
    """The services that have no model for some of their tasks, with those tasks."""
    missing = {name: [task for task in kind.tasks if not store.can_serve(task)] for name, kind in CATALOGUE.items()}
    return {name: tasks for name, tasks in missing.items() if tasks}


def optimise(store: ModelStore) -> None:
    """Writes the optimised form of each model into the cache: a container may not be able to."""
    for spec in store.manifest.models.values():
        if store.has(spec):
            store.optimise(spec)


if __name__ == "__main__":
    chosen = Settings().store()
    found = lacking(chosen)
    if found:
        sys.exit("no model for " + "; ".join(f"{name}: {', '.join(tasks)}" for name, tasks in found.items()))
    optimise(chosen)
