"""The figures of a run as a page for people: ``docs/accuracy.md``."""

from collections.abc import Sequence
from datetime import UTC, datetime

from eval.bench import Figure
from eval.client import Json

INTRODUCTION = """\
# How accurate Facet is

Measured over HTTP against a running server with the models below, on {date}, by

    python -m eval --data DATA --url URL --markdown docs/accuracy.md

`DATA` has one folder a task, each with `labels.csv` and `images/`: {sets}. The images show real people; they are used
for measuring only and are not part of this repository. The yardstick is what the reference models reached on the same
images with plain pre- and post-processing; for verification it is their figure on all 6,000 pairs of LFW, of which
1,000 are measured here.

Detectors are asked with `min_confidence=0.02` for the average precision and recall of boxes, with 0.3 for faces with
masks, and with their defaults otherwise. Each set is one sample: with n items, a share p carries a standard error of
about √(p(1-p)/n).

"""
SETS = {
    "verification": "LFW deep-funneled (1,000 pairs, 10 folds)",
    "age_gender": "All-Age-Faces (800, mostly Asian faces)",
    "emotion": "FER2013 private test (955 crops of 48 x 48)",
    "mask": "Face-Mask-Detection (800, real masks)",
    "liveness": "NUAA (600, live or printed)",
    "head_pose": "Pointing'04 (520)",
    "eyes": "CEW (500, open or closed)",
    "body": "COCO val2017 (73 images, 350 boxes)",
    "face_boxes": "dlib's examples and Face-Mask-Detection (69 images, 293 boxes)",
    "photos": "photographs with 0 to 5 faces (18)",
}


def page(figures: Sequence[Figure], models: Json) -> str:
    """The page for the figures of a server that runs ``models`` (as ``GET /version`` tells them)."""
    tasks = list(dict.fromkeys(figure.task for figure in figures))
    sets = "; ".join(f"`{task}` {SETS[task]}" for task in tasks if task in SETS)
    date = datetime.now(UTC).date().isoformat()
    lines = ["| task | figure | measured | n | yardstick |", "|---|---|---|---|---|"]
    for figure in figures:
        mark = "" if figure.yardstick is None else f"{figure.yardstick:g}"
        name = figure.name.replace("|", "\\|")
        lines.append(f"| {figure.task} | {name} | {figure.value:.4g} | {figure.size} | {mark} |")
    lines += ["", "## Models", "", "| model | licence | sha256 |", "|---|---|---|"]
    lines += [f"| {name} | {model['licence']} | `{model['sha256'][:16]}…` |" for name, model in sorted(models.items())]
    return INTRODUCTION.format(date=date, sets=sets) + "\n".join(lines) + "\n"
