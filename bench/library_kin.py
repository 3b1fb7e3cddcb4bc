"""Real derived checkpoints to plant in a library: further training, layers inserted, MLP widened, merged, 4 bits, rewritten."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from bench.library_measured import KEPT, keep, print_of
from bench.operations import FORMS, Operation, derive, named
from forebear.core.errors import RefusedError
from forebear.library.fingerprint import fingerprint
from forebear.library.prints import Print

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
    """A derived checkpoint. base: the model it is from; form: plain or reparameterised; source: what the step is done to."""

    name: str
    base: str
    form: str
    source: Path
    step: Operation
    models: Mapping[str, Path] = field(default_factory=dict)

    def print(self, shape: str) -> Print:
        """Its print, from what was kept or of the checkpoint made now. Raises: RefusedError, KeyError where the step is refused."""
        name = f"kin/{shape}/{self.name} {self.form}".replace(" ", "_").replace(",", "")
        if (KEPT / f"{name}.fbp").is_file():
            return print_of(name, self.source)
        with tempfile.TemporaryDirectory() as target:
            derive(self.source, Path(target), self.step, self.form, SEED, self.models)
            one = fingerprint(target, workers=1).one
        keep(name, one)
        return one


def kin_of(built: Mapping[str, Path]) -> Iterator[Kin]:
    """Every kin that can be made of what is built of a shape: trained ones, and steps on the bases."""
    for name in sorted(built):
        base = base_of(name)
        if base is not None and base in built:
            for form in (FORMS[0], FORMS[2]):
                yield Kin(name, base, form, built[name], PLAIN)
    bases = sorted({base for name in built if (base := base_of(name)) is not None and base in built})
    others = [name for name in sorted(built) if name.startswith("independent") and name not in bases]
    for base in bases:
        for step in STEPS:
            models = {"donor": built[others[0]], "base": built[base]} if others else {}
            for form in (FORMS[0], FORMS[2]):
                yield Kin(f"{base} + {step}", base, form, built[base], named(step), models)


def base_of(name: str) -> str | None:
    """The model that a trained one is from, by its name."""
    kind, *words = name.split("-")
    if kind in ("further", "sibling", "grandchild"):
        return f"independent-{int(words[0]):0{1 if len(words) == 1 else 3}d}"
    if kind == "grown":
        return f"independent-{int(words[1]):03d}"
    return None


def prints_of(shape: str, built: Mapping[str, Path]) -> Iterator[tuple[Kin, Print]]:
    """Every kin of a shape with its print; what no step could be done to is said and left out."""
    for kin in kin_of(built):
        try:
            yield kin, kin.print(shape)
        except (RefusedError, KeyError) as error:
            print(f"{shape} {kin.name} {kin.form}: not made ({error})", flush=True)
