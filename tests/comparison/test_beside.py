"""Work beside the reading: answers in order, faults where they are asked for; and the command line says the same when trimmed."""

from __future__ import annotations

import pytest
from typer.testing import CliRunner

from forebear.cli.application import app, asked_for
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


@pytest.mark.parametrize("command", ["compare", "inspect", "demo"])
def test_a_command_described_alone_says_what_the_whole_application_says_of_it(command):
    alone, whole = asked_for([command]), app
    assert alone is not whole
    said = [CliRunner().invoke(each, [command, "--help"], prog_name="forebear").output for each in (alone, whole)]
    assert said[0] == said[1]
    assert "Usage: forebear " + command in said[0]


@pytest.mark.parametrize("arguments", [[], ["--help"], ["case"], ["tokenizers", "cost"], ["compre"]])
def test_whatever_else_is_asked_goes_to_the_whole_application(arguments):
    assert asked_for(arguments) is app
