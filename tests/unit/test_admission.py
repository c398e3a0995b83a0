"""Who may come in."""

import pytest

from serving.http.admission import Admission, Arrivals
from serving.http.errors import Overloaded


def test_beyond_the_bound_nobody_enters_until_somebody_leaves() -> None:
    admission = Admission(2)
    with admission.entered():
        with admission.entered(), pytest.raises(Overloaded), admission.entered():
            pass
        with admission.entered():
            assert admission.inside == 2
    assert admission.inside == 0


def test_a_request_that_fails_leaves_its_place() -> None:
    admission = Admission(1)
    with pytest.raises(ValueError, match="broken"), admission.entered():
        raise ValueError("broken")
    with admission.entered():
        assert admission.inside == 1


def test_bytes_count_until_their_request_is_over() -> None:
    arrivals = Arrivals(10)
    with arrivals.body() as first:
        first.grow(6)
        with arrivals.body() as second:
            second.grow(4)
            with pytest.raises(Overloaded):
                second.grow(1)
        first.grow(4)
        assert arrivals.held == 10
    assert arrivals.held == 0
