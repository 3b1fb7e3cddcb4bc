"""Real derived checkpoints to plant in a library: further training, layers inserted, MLP widened, merged, 4 bits, rewritten."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from bench.operations import FORMS, Operation, derive, named
from forebear.core.errors import RefusedError

SEED = 4000
"""Of the steps that draw."""
STEPS = (
    "two layers inserted, copied",
    "MLP widened by half",
    "quantised to 4 bits",
    "half pruned by size",
    "merged, six parts to four",
)
PLAIN = Operation("nothing", named=False)


@dataclass(frozen=True)
class Kin:
    """A derived checkpoint. base: the model it is from; form: plain or reparameterised."""

    name: str
    base: str
    form: str
    folder: Path


def kin_of(shape: str, built: Mapping[str, Path], folder: Path) -> Iterator[Kin]:
    """Every kin that can be made of what is built of a shape: trained ones, and steps on the bases and on trained ones."""
    for name in sorted(built):
        base = _base(name)
        if base is None or base not in built:
            continue
        yield from _forms(name, base, built[name], PLAIN, {}, folder / shape)
    bases = sorted({base for name in built if (base := _base(name)) is not None and base in built})
    others = [name for name in sorted(built) if name.startswith("independent") and name not in bases]
    for base in bases:
        for step in STEPS:
            models = {"donor": built[others[0]], "base": built[base]} if others else {}
            yield from _forms(f"{base} + {step}", base, built[base], named(step), models, folder / shape)


def _base(name: str) -> str | None:
    """The model that a trained one is from, by its name."""
    kind, *words = name.split("-")
    if kind == "further":
        return f"independent-{int(words[0]):03d}"
    if kind == "grown":
        return f"independent-{int(words[1]):03d}"
    return None


def _forms(
    name: str, base: str, source: Path, step: Operation, models: Mapping[str, Path], folder: Path
) -> Iterator[Kin]:
    for form in (FORMS[0], FORMS[2]):
        target = folder / f"{name} {form}".replace("/", "-").replace(" ", "_")
        try:
            derive(source, target, step, form, SEED, models)
        except (RefusedError, KeyError) as error:
            print(f"{name} {form}: not made ({error})")
            continue
        yield Kin(name, base, form, target)
