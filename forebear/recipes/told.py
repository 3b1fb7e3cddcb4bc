"""Steps as messages: one for each step, and the first line a person reads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import PurePath
from typing import Any, Protocol

from forebear.core.messages import Message, message
from forebear.recipes.found import Found


class Left(Protocol):
    """What is left after replay (replay/run.py)."""

    @property
    def left(self) -> float | None: ...


def first_words(
    subject: str, candidate: str, relations: Sequence[str], steps: Sequence[Found], replayed: Left | None
) -> list[Message]:
    """The plain conclusion, then what it does not say."""
    names = {"subject": short(subject), "candidate": short(candidate)}
    if replayed is None:
        kinds = set(relations)
        key = "cannot_tell" if "cannot-tell" in kinds else "start" if "shared-start" in kinds else "none"
        if kinds & {"identical", "related", "shares-components"}:
            key = "not_read"
        return [message(f"recipe.{key}", **names)]
    if not steps:
        return [message("recipe.equal" if not replayed.left else "recipe.nothing", **names)]
    training = next((s for s in steps if s.op == "continued-training"), None)
    if training is not None and len(steps) == 1:
        key = "light" if training.parameters["light"] else "trained"
        words = [message(f"recipe.{key}", **names, change=training.parameters["change"])]
    else:
        words = [message("recipe.made", **names, steps=[_sentence(s) for s in steps])]
    frozen = training.parameters["frozen"] if training is not None else ()
    if frozen:
        words.append(message("recipe.frozen", names=[message(f"term.{part}") for part in frozen]))
    if training is not None:
        words.append(message("recipe_unlisted.merge"))
    return [*words, message("recipe.direction")]


def of_several(subject: str, steps: Sequence[Found]) -> list[Message]:
    """The plain conclusion on a mixture of several candidates, then what it does not say."""
    return [
        message("made.several", subject=short(subject), steps=[_sentence(s) for s in steps]),
        message("recipe.direction"),
    ]


def short(path: str) -> str:
    """The last part of a path."""
    return PurePath(path).name or path


def told(step: Found) -> list[Message]:
    """What a step is, in a sentence, and what was said of it besides."""
    unknown = "noise" in step.parameters and step.parameters["noise"] is None
    noise = [message("recipe_open.noise", most=step.parameters["noise_at_most"])] if unknown else []
    return [_sentence(step), *noise, *_fits(step), *step.said]


def _fits(step: Found) -> list[Message]:
    """What fits where it is not told how something new began (decision 0113)."""
    found = []
    for name in ("kind", "rows", "router"):
        one_of = step.parameters.get(f"{name}_one_of")
        if one_of and step.parameters[name] is None:
            names = ("zeros" if word == "zero" else word for word in one_of)
            found.append(message(f"recipe_fits.{name}", fits=[message(f"recipe.word.{word}") for word in names]))
    if step.op == "mlp-widened" and "silent" in step.parameters and step.parameters["silent"] is None:
        found.append(message("recipe_fits.silent"))
    return found


def _sentence(step: Found) -> Message:
    if (made := _made(step) or _open(step)) is not None:
        return made
    if step.op == "layers-inserted" and step.where.get("after", ())[1:]:
        return message("recipe_places.layers-inserted", **_slots(step))
    one = step.op in ("layers-inserted", "layers-dropped") and step.parameters["count"] == 1
    return message(f"recipe.op.{step.op}{'-one' if one else ''}", **_slots(step))


def _open(step: Found) -> Message | None:
    """The sentence of a step, or of a figure of one, that is not told apart; None for others."""
    given = step.parameters
    if step.op == "values-changed":
        causes = [message(f"recipe_open.cause.{cause}") for cause in given["one_of"]]
        return message("recipe_open.changed", change=given["change"], causes=causes)
    if step.op == "pruned-by-size" and given["share"] is None:
        least, most = given["share_one_of"]
        return message("recipe_mask.shares", least=least, most=most)
    if step.op == "dense-to-moe" and given["noise"] is None:
        return message("recipe_open.dense-to-moe", experts=given["experts"], slices=given["slices"])
    return None


def _made(step: Found) -> Message | None:
    """The sentence of a conversion that was recomputed, or of a mixture; None for the step of a detector."""
    given = step.parameters
    if step.op == "repacked":
        return message("made.repacked", before=given["from"], after=given["to"])
    if step.op == "quantised-gguf":
        return message("made.gguf", type=given["type"])
    if step.op.startswith("quantised-int") and "per" in given:
        return message("made.int", bits=given["bits"])
    if step.op == "models-joined":
        return message("made.joined", models=[short(row["id"]) for row in given["models"]])
    if step.op == "layers-stacked":
        return message("made.stack", parents=sorted({short(row["from"]) for row in given["map"]}))
    if step.op == "experts-transplanted":
        return message("made.experts", count=len(given["map"]))
    if step.op != "merged":
        return None
    parents = [f"{short(name)} {_weight(weight):.3f}" for name, weight in given["weights"].items()]
    if given["method"] == "slerp":
        return message("made.slerp", t=given["t"], first=short(given["from"]), second=short(given["to"]))
    if given["method"] == "linear":
        return message("made.linear", parents=parents)
    keys = {"ties": "made.ties", "dare": "made.dare"}
    return message(keys.get(given["method"], "made.sparse"), base=short(given["base"]), parents=parents)


def _weight(weight: Any) -> float:
    return float(weight["value"] if isinstance(weight, Mapping) else weight)


def _slots(step: Found) -> Mapping[str, Any]:
    """What fills a step's sentence: its parameters, words among them as messages; layers as numbers."""
    slots: dict[str, Any] = {}
    for name, value in step.parameters.items():
        if value is None and name in ("rows", "router", "kind"):
            slots[name] = message("recipe_open.word")
        elif isinstance(value, str) and name in ("kind", "rows", "pairing", "router", "where"):
            slots[name] = message(f"recipe.word.{value}")
        elif isinstance(value, (int, float, str)) and not isinstance(value, bool):
            slots[name] = value
    if "layers" in step.where:
        slots["layers"] = [str(layer) for layer in step.where["layers"]]
    if "after" in step.where:
        slots["after"] = [str(layer) for layer in step.where["after"]]
    if "rows" in step.where:
        slots.update({f"rows_{key}": value for key, value in step.where["rows"].items()})
    return slots
