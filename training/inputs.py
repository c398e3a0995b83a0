"""What every script here is given: a folder of labelled images and one of models; and the rows of a set's labels."""

import argparse
import csv
from pathlib import Path

SETS = "folder with one folder of images a task"


def parser(description: str, data: str = SETS) -> argparse.ArgumentParser:
    """A parser of ``--data`` and ``--model-folder``; ``data`` says what the former must have."""
    options = argparse.ArgumentParser(description=description)
    options.add_argument("--data", type=Path, required=True, help=data)
    options.add_argument("--model-folder", type=Path, required=True, help="folder with the .onnx files")
    return options


def label_rows(folder: Path) -> list[dict[str, str]]:
    """The rows of a set's ``labels.csv``, in order."""
    with (folder / "labels.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))
