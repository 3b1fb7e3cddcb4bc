"""Pairs every rival is asked about: what is trained for them, and what is made of it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

from bench.build import TRUTH, finished
from bench.corpus import WORK
from bench.framed_align import framed
from bench.framed_cases import OUTPUTS_KEPT, output_change
from bench.training import course
from bench.truth import FURTHER, INDEPENDENT, RELATED, Job, Pair, base, plan
from forebear.recipes.steps.compose import reparameterise
from forebear.recipes.steps.model import Model

SHAPES = ("llama64", "gpt2-64")
BASES = 10
"""Independents that relatives are trained from; every pair has one of them as its candidate."""
TRAINED_ON = (("other", "quarter"), ("dirty", "quarter"), ("other", "one"), ("other", "four"))
"""Text and amount of further training of every base, those that take longest last."""
INDEPENDENTS = 30
"""Each of them is compared with two bases that are not itself, plain, permuted and rewritten, and aligned to the first."""
APART = (1, 4)
"""Independent k is compared with bases k + 1 and k + 4, counted round: no two models meet twice."""
FORMS = {"plain": "", "permuted": "permutations", "rewritten": "all"}
"""Form -> moves of `reparameterise`; rewritten is every move that leaves the outputs as they are."""
ALIGNERS = ("procrustes and assignment", "joint")


def jobs(shape: str) -> list[Job]:
    """Every model that is trained for a shape, parents first; those of the truth sets are the same models."""
    independents = {j.id: j for j in plan() if j.kind == "train"}
    every = [independents[base(shape, n)] for n in range(INDEPENDENTS)]
    for text, word in TRAINED_ON:
        how = course(shape, FURTHER[word], text=text, order=1)
        ids = [further(shape, n, text, word) for n in range(BASES)]
        every += [Job(own, "further", shape, 0, how, parent=base(shape, n)) for n, own in enumerate(ids)]
    return every


def further(shape: str, n: int, text: str, word: str) -> str:
    """Id of independent n trained on."""
    return f"{shape}/further-{n}-{text}-{word}"


def _folder(source: str, form: str) -> str:
    """Where a form of a trained model lies, below WORK."""
    return f"truth/{source}" if form == "plain" else f"rivals/{source}-{form.replace(' ', '-')}"


def pairs(shape: str) -> Iterator[Pair]:
    """Every pair. stratum is the form of the subject, or the aligner; subject and candidate are folders below WORK."""
    for text, word in TRAINED_ON:
        for n in range(BASES):
            for form in FORMS:
                subject = _folder(further(shape, n, text, word), form)
                yield Pair(subject, f"truth/{base(shape, n)}", RELATED, form, FURTHER[word])
    for k in range(INDEPENDENTS):
        own, near, far = base(shape, k), *(f"truth/{base(shape, (k + step) % BASES)}" for step in APART)
        for form in FORMS:
            yield Pair(_folder(own, form), near, INDEPENDENT, form)
            yield Pair(_folder(own, form), far, INDEPENDENT, form)
        for how in ALIGNERS:
            yield Pair(_folder(own, how), near, INDEPENDENT, how)


def _made(pair: Pair) -> Model:
    """The subject of a pair that is not plain. Raises: ValueError where an aligner changed the outputs."""
    own = pair.subject.removeprefix("rivals/").removesuffix(f"-{pair.stratum.replace(' ', '-')}")
    source, seed = Model.load(TRUTH / own), int(own.split("-")[-1]) if "independent" in own else int(own.split("-")[-3])
    if pair.stratum in FORMS:
        return reparameterise(source, seed, FORMS[pair.stratum])
    made = framed(source, Model.load(WORK / pair.candidate), pair.stratum, seed)
    if (changed := output_change(made, source)) > OUTPUTS_KEPT:
        raise ValueError(f"{pair.subject} changed a logit by {changed}")
    return made


def make(shape: str) -> int:
    """Makes what is missing of what is trained already. Returns: how many subjects were made."""
    there = {f"truth/{j.id}" for j in jobs(shape) if finished(j)}
    made = 0
    for pair in pairs(shape):
        own = pair.subject.removeprefix("rivals/").removesuffix(f"-{pair.stratum.replace(' ', '-')}")
        target = WORK / pair.subject
        if {f"truth/{own}", pair.candidate} <= there and pair.stratum != "plain" and not present(target):
            _made(pair).save(target)
            made += 1
            if made % 20 == 0:
                print(f"{shape}: {made} subjects made", file=sys.stderr, flush=True)
    return made


def present(folder: Path) -> bool:
    """The last file a model is saved with is there."""
    return (folder / "tokenizer.json").exists()


def ready(shape: str) -> list[Pair]:
    """Pairs whose subject and candidate are there."""
    return [p for p in pairs(shape) if present(WORK / p.subject) and present(WORK / p.candidate)]
