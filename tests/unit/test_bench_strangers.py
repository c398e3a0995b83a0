import numpy as np

from bench.strangers import Strangers, stored, templates
from schemas.template import decode


def test_strangers_are_as_far_apart_as_people() -> None:
    people = Strangers(1).people(2000)
    cosines = (people @ people.T)[np.triu_indices(2000, 1)]
    assert abs(float(cosines.mean())) < 0.01
    assert 0.095 < float(cosines.std()) < 0.112  # .101 of the people of LFW
    assert 0.30 < float(np.quantile(cosines, 0.999)) < 0.36  # .3325


def test_samples_of_a_person_are_as_close_as_photos() -> None:
    strangers = Strangers(1)
    people = strangers.people(3000)
    cosines = np.vecdot(strangers.samples(people), strangers.samples(people))
    assert 0.62 < float(np.median(cosines)) < 0.70  # .663 of the genuine pairs of LFW
    assert 0.42 < float(np.quantile(cosines, 0.05)) < 0.52  # .451


def test_templates_hold_what_is_compared() -> None:
    people = Strangers(2).people(3)
    [first, *_] = templates(people)
    assert np.allclose(decode(first).vector, stored(people)[0], atol=1e-3)


def test_the_same_seed_gives_the_same_people() -> None:
    assert np.array_equal(Strangers(3).people(5), Strangers(3).people(5))
    assert not np.array_equal(Strangers(3).people(5), Strangers(4).people(5))
