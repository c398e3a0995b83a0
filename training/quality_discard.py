"""Prints how well the total score predicts recognition: the error-versus-discard tables of ``docs/quality.md``.

    python -m training.quality_discard --data FOLDER --model-folder FOLDER

Of the genuine pairs of ``eval.genuine``: the share that is not recognised once 0 to 40 % of the pairs are discarded,
those of lowest quality first, by the total score, by each of its parts alone, by chance, and by the distance itself,
which no measure can beat. The threshold of distance is one for all sets: that of a false-accept rate of 1e-3 in the
matcher's table, which was measured on Labeled Faces in the Wild alone.
"""

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from estimators.quality.total import NETWORK, parts, total_score
from eval.discard import SHARES, error_versus_discard, pair_qualities
from eval.split import held_out
from training import inputs
from training.quality_samples import SETS, Sample, accepted_distance, apart, listed_pairs, open_looker, samples

Array = NDArray[np.float64]
_DECIMALS = 2  # of the total, as a client gets it


def main() -> None:
    parser = inputs.parser("Measures how well the total score predicts recognition.")
    arguments = parser.parse_args()
    listed = listed_pairs(arguments.data)
    found = samples(open_looker(arguments.model_folder), arguments.data, listed)
    pairs = [pair for pair in listed if {(pair.task, pair.first), (pair.task, pair.second)} <= found.keys()]
    print(f"{len(listed)} genuine pairs, a face in both photographs of {len(pairs)}")
    both = [(found[pair.task, pair.first], found[pair.task, pair.second]) for pair in pairs]
    distances = np.array([apart(*each) for each in both])
    threshold = accepted_distance(both[0][0])
    task = np.array([pair.task for pair in pairs])
    held = np.array([held_out(pair.person) for pair in pairs])
    qualities = {
        name: pair_qualities([rule(first) for first, _ in both], [rule(second) for _, second in both])
        for name, rule in rules().items()
    }
    rows = {**qualities, "chance": np.zeros(len(pairs)), "the distance itself": -distances}
    for half, chosen in (("all", held | ~held), ("held-out half", held), ("training half", ~held)):
        for name in ("all sets", *SETS):
            print_table(f"{half}, {name}", distances, rows, threshold, chosen & ((task == name) | (name == "all sets")))


def rules() -> Mapping[str, Callable[[Sample], float]]:
    """By name the qualities of a photograph, higher is better."""
    return {
        "total": lambda sample: round(total_score(sample.parts), _DECIMALS),
        "total without network": lambda sample: round(total_score(alone(sample.parts)), _DECIMALS),
        **{name: _part(name) for name in parts()},
    }


def alone(values: Mapping[str, float]) -> dict[str, float]:
    """The parts without the network's."""
    return {name: value for name, value in values.items() if name != NETWORK}


def _part(name: str) -> Callable[[Sample], float]:
    return lambda sample: -parts()[name].penalty(sample.parts[name])


def print_table(
    title: str, distances: Array, rows: Mapping[str, Array], threshold: int, chosen: NDArray[np.bool_]
) -> None:
    missed = int((distances[chosen] > threshold).sum())
    print(f"{title}: {int(chosen.sum())} pairs, {missed} farther apart than {threshold}; % discarded, % not recognised")
    print(f"  {'':22}" + "".join(f"{share:9.0%}" for share in SHARES))
    for name, quality in rows.items():
        rates = error_versus_discard(distances[chosen], quality[chosen], threshold)
        print(f"  {name:22}" + "".join(f"{rate:9.2%}" for rate in rates))


if __name__ == "__main__":
    main()
