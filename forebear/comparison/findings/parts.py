"""Parts of a model that may each have an origin of its own, with their figures, and the words that name them (METHODS §11, §17)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

from forebear.comparison.findings.spans import runs, span
from forebear.core.messages import Message, message

TABLES = ("embedding", "head")
"""Components that hold a row a token. A model whose layers are another's is related to it whatever became of these."""
BRANCHES = ("mlp", "experts", "attention")
"""Parts of the layers of the main tower, each with a ceiling of its own."""
State = Literal["shared", "alike", "within-reach", "rotated", "not-found", "open", "unlike", "not-tested"]
Cell = tuple[int, int]


class Component(NamedTuple):
    """A part of a model that may have an origin of its own (METHODS §11, shares components).

    name:    "embedding", "layers", "head", "vision layers"; "mlp", "experts", "attention" of the main tower's layers.
    state:   "shared"; "alike" (channels agree, rows do not); "within-reach" (units correspond, no closer than an aligned
             independent's); "rotated" (rows follow one rotation, which has no exact test);
             "not-found" (tests that could have reached the level show nothing); "open"; "unlike" (rows looked at do not agree,
             which describes).
    log10_p: the least of its own tests, before the factor of all tests.
    row_cosine: median cosine of its rows in place, for a table whose rows were read.
    value, ceiling: how closely it agrees, and how closely an independent model aligned to it would (METHODS §17); None where
             that was not measured. layers: (subject, candidate) layers the state speaks for; empty for all of the part.
    """

    name: str
    state: State
    log10_p: float | None = None
    row_cosine: float | None = None
    value: float | None = None
    ceiling: float | None = None
    layers: tuple[Cell, ...] = ()

    def document(self) -> dict[str, Any]:
        """The part as it stands in a comparison document."""
        figures = {"row_cosine": self.row_cosine, "value": self.value, "ceiling": self.ceiling}
        return {
            "name": self.name,
            "state": self.state,
            "log10_p": None if self.log10_p is None else round(self.log10_p, 3),
            **{key: round(value, 4) for key, value in figures.items() if value is not None},
            **({"layers": [list(cell) for cell in self.layers]} if self.layers else {}),
        }

    @property
    def words(self) -> Message:
        """The part with its layers and figures: "MLPs of layers 0-3 (0.95; an aligned independent 0.31)"."""
        name = message(f"term.{self.name}")
        if self.layers:
            several = "" if len(self.layers) == 1 else "s"
            name = message(f"part.of_layer{several}", part=name, layers=[_layers(*run) for run in runs(self.layers)])
        if self.value is not None and self.ceiling is not None:
            return message("part.beside", part=name, value=self.value, ceiling=self.ceiling)
        close = self.value if self.value is not None else self.row_cosine
        return name if close is None else message("part.close", part=name, value=close)


def _layers(subject: int, candidate: int, length: int) -> Message:
    own = span(subject, length)
    return own if subject == candidate else message("strength.pair", subject=own, candidate=span(candidate, length))


def lacking(components: Sequence[Component]) -> bool:
    """Whether a part that makes up the layers, or a further tower, was tested and shows nothing beside what is shared."""
    return any(c.state == "not-found" and c.name not in ("layers", *TABLES) for c in components)


def shared_alone(components: Sequence[Component]) -> bool:
    """Whether a part is shared although the layers of the main tower, tested, show nothing."""
    states = {c.name: c.state for c in components}
    return states.get("layers") == "not-found" and "shared" in states.values()


def bare_words(components: Sequence[Component]) -> tuple[Message, ...]:
    """Tables of tokens that show nothing beside layers that are shared: a new vocabulary, a new head or another origin."""
    bare = [message(f"term.{c.name}") for c in components if c.state == "not-found" and c.name in TABLES]
    return (message("verdict.bare_tables", names=bare),) if bare else ()


def part_words(components: Sequence[Component], found: Sequence[Message], training_shared: bool) -> tuple[Message, ...]:
    """What is shared, what shows nothing, what cannot be told, each with its figures. found: the figures of tests."""
    shown = _shown(components)
    shared, missing, left = ([c.words for c in shown if c.state in states] for states in (("shared",), LACKING, OPEN))
    sure = training_shared and not any(c.name in BRANCHES and c.state != "shared" for c in shown)
    return (
        message(f"verdict.components_{'weights' if sure else 'or_start'}", names=shared),
        *([message("table_meaning.one_method")] if any(c.state == "shared" and c.name in TABLES for c in shown) else []),
        *([message("verdict.components_lacking", names=missing)] if missing else []),
        *([message("verdict.components_open", names=left)] if left else []),
        *([message("verdict.parts_meaning")] if any(c.ceiling is not None for c in shown) else []),
        *([message("verdict.figures", found=list(found))] if found else []),
        message("verdict.components_corrected", count=len({c.name for c in shown})),
    )


LACKING = ("not-found", "unlike")
OPEN = ("alike", "within-reach", "rotated", "open")


def _shown(components: Sequence[Component]) -> list[Component]:
    """The parts as a verdict names them: the layers by their branches where these were measured."""
    branches = any(c.name in BRANCHES for c in components)
    return [c for c in components if c.state != "not-tested" and not (branches and c.name == "layers")]
