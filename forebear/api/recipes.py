"""The verb on how a model was made."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from forebear.api.arguments import listed
from forebear.api.document import document_of


@document_of
def recipe(
    subject: str | Path,
    candidates: str | Path | Sequence[str | Path],
    *,
    budget: int | str | None = None,
    architecture: str | Path | None = None,
    check: str | Path | None = None,
    write: str | Path | None = None,
    dates: str | Path | None = None,
    base: str | Path | None = None,
) -> Mapping[str, Any]:
    """Which steps lead from a candidate to the subject, each of them replayed.

    subject:      the model asked about: a checkpoint file or folder.
    candidates:   models it may be made from, one or more; the steps told are those from the one that leaves least.
    budget:       bytes of a model held in memory as float32, as a number or "4GiB" (default 2GiB); a larger one is refused.
    architecture: an architecture definition of your own (TOML), for all sides (docs/architectures.md).
    check:        a mergekit configuration (YAML) or a forebear recipe (JSON): which of its claims the weights bear out.
    write:        where to write what was found so that it can be run again: WRITE.json, and WRITE.yaml for a merge.
    dates:        a TOML file of dates: tables [[model]] with name (as given here, or the last part of that), there_by (it was there
                  by that day) and not_before, from sources that the makers of the models do not control. A candidate dated before
                  subject and best candidate is the older third that direction needs. Without dates no direction is shown.
    base:         the model that an adapter (LoRA) changes: the adapter is then read as that model changed.
    Returns:      a forebear/recipe/1 document: ordered steps, each with its parameters, where, the share it explains and its
                  grade; what replay leaves.
                  A parameter that is not determined is null; a change that several causes can leave is one step `values-changed`
                  that lists them. No step is told of a pair that `compare` does not call related, identical or sharing components.
    Raises:       RefusedError when a checkpoint or the dates cannot be read, or a checkpoint is too large; UsageError.
    Source:       METHODS §11, §12; thresholds: decisions 0034, 0038, 0065 and 0095.

    >>> import forebear
    >>> from importlib.resources import files
    >>> demo = files("forebear") / "demo_data"
    >>> document = forebear.recipe(demo / "descendant", demo / "base")
    >>> [(step["op"], step["grade"]) for step in document["steps"]]
    [('layers-inserted', 'partly'), ('continued-training', 'partly')]
    >>> forebear.recipe(demo / "independent", demo / "base")["steps"]
    ()
    """
    from forebear.recipes.recipe import recipe_of

    return recipe_of(
        subject, listed(candidates), budget=budget, architecture=architecture, check=check, write=write, dates=dates, base=base
    )
