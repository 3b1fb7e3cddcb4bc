"""Work beside the reading: answers in order, faults where they are asked for."""

from __future__ import annotations

import pytest

from forebear.comparison.reading.beside import LEAST, Beside


def test_answers_come_in_the_order_they_were_asked_for_by_threads_or_at_once():
    work: Beside[int] = Beside()
    for number, size in enumerate((LEAST, 1, LEAST, LEAST, 1)):
        work.ask(size, lambda number=number: number)
    assert work.answers() == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("size", [1, LEAST])
def test_a_fault_beside_is_raised_where_its_answer_is_wanted(size):
    def fault() -> int:
        raise ValueError("broken deck")

    def asked() -> list[int]:
        work: Beside[int] = Beside()
        work.ask(size, fault)
        return work.answers()

    with pytest.raises(ValueError, match="broken deck"):
        asked()
