"""Operations on token rows: extended, trimmed, replaced, stitched, reordered, taken from a third model, untied."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from forebear.core.errors import RefusedError
from forebear.recipes.steps.draft import Draft, draw_like
from forebear.recipes.steps.families import every, pre_norm
from forebear.recipes.steps.layout import completed
from forebear.recipes.steps.model import Model
from forebear.recipes.steps.step import Step, require
from forebear.recipes.steps.storage import Array
from forebear.recipes.steps.tokenizer import keep_tokens, renumber

ROWS = ("mean-of-pieces", "global-mean", "sampled", "copied", "drawn", "zeros")
"""Ways a new row begins: mean of the rows of its pieces; mean of all rows; drawn from all rows' mean and covariance;
a copy of a random row; as at initialisation (rows left untrained); nothing."""

Pieces = Sequence[Sequence[int]]
"""For each new token, the old tokens it is made of."""


def token_tensors(draft: Draft) -> tuple[list[str], list[str]]:
    """(matrices, vectors) with one row or value per token: embedding, untied head, biases of a head of its own."""
    parts = draft.parts
    matrices = [parts.embedding, *((parts.head.weight,) if parts.head else ())]
    vectors = [name for name in parts.family.token_biases if name in draft.arrays]
    return matrices, vectors + ([parts.head.bias] if parts.head and parts.head.bias not in ("", *vectors) else [])


def new_rows(
    table: Array, count: int, how: str, rng: np.random.Generator, config: Mapping[str, Any],
    pieces: Pieces | None = None,
) -> Array:  # fmt: skip
    """Rows for tokens a table never had.

    Shapes: table (V, d) → (count, d), in its dtype.
    pieces: for "mean-of-pieces", one list of old ids per new row; an empty list gets the global mean.
    Raises: RefusedError for an unknown way, or pieces that are missing or out of range.
    Source: METHODS §12 (new rows initialised).
    """
    require(how in ROWS, f"no way to begin a row is called {how!r}", todo=f"Say one of: {', '.join(ROWS)}.")
    shape = (count, table.shape[1])
    if how == "zeros":
        return np.zeros(shape, table.dtype)
    if how == "drawn":
        return draw_like(config, rng, shape).astype(table.dtype)
    if how == "copied":
        return np.asarray(table[rng.integers(0, len(table), count)])
    mean = table.mean(axis=0, dtype=np.float64)
    if how == "global-mean":
        return np.broadcast_to(mean, shape).astype(table.dtype)
    if how == "sampled":
        centred = table - mean
        values, vectors = np.linalg.eigh(centred.T @ centred / len(table))  # covariance of the rows
        draws = rng.standard_normal((count, table.shape[1])) * np.sqrt(np.maximum(values, 0))
        return np.asarray(mean + draws @ vectors.T, dtype=table.dtype)
    if pieces is None or len(pieces) != count:
        raise RefusedError(f"mean-of-pieces needs the pieces of each of {count} new tokens")
    require(all(0 <= i < len(table) for ids in pieces for i in ids), "a piece is no token of the model")
    rows = [table[list(ids)].mean(axis=0, dtype=np.float64) if len(ids) else mean for ids in pieces]
    return np.stack(rows).astype(table.dtype) if rows else np.zeros(shape, table.dtype)


def _set_rows(draft: Draft, rows: Mapping[str, Array]) -> None:
    """Replace token tensors, which may change length, and write the new vocabulary size."""
    for name, values in rows.items():
        draft.arrays[name] = np.ascontiguousarray(values, dtype=draft.arrays[name].dtype)
    draft.config["vocab_size"] = len(draft.arrays[draft.parts.embedding])


def _rebuild(draft: Draft, keep: Array, count: int, how: str, rng: np.random.Generator, pieces: Pieces | None) -> None:
    """Rows of the kept ids in order, then new ones; a per-token bias begins at its mean."""
    matrices, vectors = token_tensors(draft)
    made = {}
    for name in matrices:
        table = draft.arrays[name]
        made[name] = np.concatenate([table[keep], new_rows(table, count, how, rng, draft.config, pieces)])
    for name in vectors:
        values = draft.arrays[name]
        made[name] = np.concatenate([values[keep], np.full(count, values.mean(), values.dtype)])
    _set_rows(draft, made)


def extend(
    model: Model, rng: np.random.Generator, count: int = 64, rows: str = "mean-of-pieces", pieces: Pieces | None = None,
    tokenizer: bytes | None = None,
) -> Model:  # fmt: skip
    """Append tokens; the old rows keep their values bit for bit.

    count: how many. rows: see ROWS; with "mean-of-pieces" and no pieces given, each is made of 2 or 3 random old ones.
    tokenizer: the tokenizer.json that knows the new tokens (None: the old one stays).
    Source: METHODS §12 (vocabulary extended).
    """
    draft = Draft(model)
    size = len(draft.arrays[draft.parts.embedding])
    require(count >= 1, f"{count} is no number of tokens to append")
    if rows == "mean-of-pieces" and pieces is None:
        pieces = [rng.integers(0, size, int(rng.integers(2, 4))).tolist() for _ in range(count)]
    _rebuild(draft, np.arange(size), count, rows, rng, pieces)
    draft.tokenizer = draft.tokenizer if tokenizer is None else tokenizer
    return draft.finish()


def trim(model: Model, rng: np.random.Generator, keep: float | Sequence[int] = 0.5) -> Model:
    """Keep some tokens and renumber them; their rows keep their values bit for bit. The tokenizer follows.

    keep: ids in their new order, how many of the first, or (a fraction) the share of the first.
    Raises: RefusedError for ids that are not there or repeated, or when a kept special token needs a dropped one.
    Source: METHODS §12 (vocabulary trimmed).
    """
    draft = Draft(model)
    size = len(draft.arrays[draft.parts.embedding])
    if isinstance(keep, (int, float)):
        keep = range(round(keep * size) if isinstance(keep, float) else keep)
    ids = np.asarray(keep, dtype=np.intp)
    require(0 < ids.size < size, f"{ids.size} kept tokens of {size} is no trimming")
    require(len(set(ids.tolist())) == ids.size, "kept ids repeat")
    require(bool(0 <= ids.min() <= ids.max() < size), "kept ids are not all there")
    _rebuild(draft, ids, 0, "zeros", rng, None)
    numbers = {int(old): new for new, old in enumerate(ids)}
    _renumber_specials(draft, numbers)
    if draft.tokenizer is not None:
        draft.tokenizer = keep_tokens(draft.tokenizer, numbers)
    return draft.finish()


def reorder(model: Model, rng: np.random.Generator, fixed: int = 0, order: Sequence[int] | None = None) -> Model:
    """Give the tokens other ids. With the tokenizer renumbered likewise, texts get the same outputs.

    order: new id → old id; None draws one that leaves the first `fixed` ids alone.
    Raises: RefusedError when the order is no permutation of all ids, or moves padding where positions start after its id.
    Source: METHODS §12 (token ids reordered).
    """
    draft = Draft(model)
    size = len(draft.arrays[draft.parts.embedding])
    if order is None:
        order = [*range(fixed), *(fixed + rng.permutation(size - fixed)).tolist()]
        if (pad := _pad_in_place(draft)) is not None:
            order[order.index(pad)], order[pad] = order[pad], pad
    require(sorted(order) == list(range(size)), f"the order is no permutation of {size} ids")
    _rebuild(draft, np.asarray(order, dtype=np.intp), 0, "zeros", rng, None)
    numbers = {int(old): new for new, old in enumerate(order)}
    _renumber_specials(draft, numbers)
    if draft.tokenizer is not None:
        draft.tokenizer = renumber(draft.tokenizer, numbers)
    return draft.finish()


def _pad_in_place(draft: Draft) -> int | None:
    """The id of the token for padding, where positions start after it."""
    pad = completed(draft.config).get("pad_token_id") if draft.parts.family.rule.positions_after_pad else None
    return pad if isinstance(pad, int) else None


def _renumber_specials(draft: Draft, numbers: Mapping[int, int]) -> None:
    """Ids in the configuration follow; an id that is gone becomes None."""
    pad = _pad_in_place(draft)
    where = "pad_token_id"
    require(pad is None or numbers.get(pad) == pad, "positions start after the id of padding, so it stays", where=where)
    for key in [key for key in draft.config if key.endswith("_token_id")]:
        value = draft.config[key]
        if isinstance(value, list):
            draft.config[key] = [numbers[i] for i in value if i in numbers]
        elif isinstance(value, int):
            draft.config[key] = numbers.get(value)


def replace(
    model: Model, rng: np.random.Generator, size: int | None = None, rows: str = "mean-of-pieces",
    pieces: Pieces | None = None, donor: Model | None = None, tokenizer: bytes | None = None,
) -> Model:  # fmt: skip
    """Put another vocabulary in place of the old: no id keeps its meaning.

    rows:   "mean-of-pieces" (careful: each new token from the old tokens its text splits into; none given: 1-3 random
            ones), any other of ROWS ("drawn": rows left untrained), or "donor": the third model's rows, whole.
    size:   number of new tokens; by default that of `pieces`, of the donor, or as many as before.
    tokenizer: the tokenizer.json of the new vocabulary; None leaves the model without one.
    Raises: RefusedError when the donor's width differs, or what `rows` needs is missing.
    Source: METHODS §12 (vocabulary replaced; rows left untrained; rows taken from a third model).
    """
    draft = Draft(model)
    old = len(draft.arrays[draft.parts.embedding])
    if rows == "donor":
        if donor is None:
            raise RefusedError("rows from a donor need the donor", where="donor")
        _take_tables(draft, donor)
    else:
        count = size or (len(pieces) if pieces is not None else old)
        if rows == "mean-of-pieces" and pieces is None:
            pieces = [rng.integers(0, old, int(rng.integers(1, 4))).tolist() for _ in range(count)]
        _rebuild(draft, np.arange(0), count, rows, rng, pieces)
    draft.tokenizer = tokenizer
    return draft.finish()


def _check_width(draft: Draft, source: Draft) -> None:
    own, other = draft.parts.width, source.parts.width
    require(own == other, f"rows of {other} channels do not fit {own}", where="donor")


def _take_tables(draft: Draft, donor: Model) -> None:
    """The donor's token tensors whole; the subject is untied when the donor is not."""
    source = Draft(donor)
    _check_width(draft, source)
    if source.parts.head is not None:
        draft.untie()
    made = {draft.parts.embedding: source.arrays[source.parts.embedding]}
    if draft.parts.head is not None:
        head = source.parts.head.weight if source.parts.head else source.parts.embedding
        made[draft.parts.head.weight] = source.arrays[head]
    for name in token_tensors(draft)[1]:
        made[name] = np.zeros(len(made[draft.parts.embedding]), np.float32)
    _set_rows(draft, made)


def take_rows(
    model: Model, rng: np.random.Generator, donor: Model, ids: Mapping[int, int] | None = None, share: float = 0.5
) -> Model:
    """Overwrite some token rows by rows of a third model; head rows too where both have their own.

    ids:    own id → donor's id; None takes the same ids of a random share of the tokens both have.
    Raises: RefusedError when widths differ or an id is not there.
    Source: METHODS §12 (rows taken from a third model).
    """
    draft, source = Draft(model), Draft(donor)
    _check_width(draft, source)
    own, other = draft.arrays[draft.parts.embedding], source.arrays[source.parts.embedding]
    if ids is None:
        common = min(len(own), len(other))
        chosen = np.sort(rng.permutation(common)[: round(share * common)])
        ids = {int(i): int(i) for i in chosen}
    to, origin = np.array(list(ids.keys()), dtype=np.intp), np.array(list(ids.values()), dtype=np.intp)
    there = to.size and 0 <= to.min() <= to.max() < len(own) and 0 <= origin.min() <= origin.max() < len(other)
    require(bool(there), "no row, or one that is not there, was asked for")
    pairs = [(draft.parts.embedding, other)]
    if draft.parts.head and source.parts.head:
        pairs.append((draft.parts.head.weight, source.arrays[source.parts.head.weight]))
    for name, table in pairs:
        values = np.array(draft.arrays[name])
        values[to] = table[origin]
        draft.arrays[name] = values
    return draft.finish()


def stitch(
    model: Model, rng: np.random.Generator, keep: int | Sequence[int] = 32, count: int | None = None,
    rows: str = "mean-of-pieces", pieces: Pieces | None = None, donor: Model | None = None,
    tokenizer: bytes | None = None,
) -> Model:  # fmt: skip
    """A vocabulary of two: some old tokens (rows bit for bit), then others with new rows or a third model's.

    keep:   ids kept first, or how many of the first. count: tokens added (default: as many as were dropped).
    donor:  its rows of the ids after the kept ones are the new rows; otherwise `rows` and `pieces` as in `replace`.
    tokenizer: as in `replace`.
    Raises: RefusedError when the donor's width differs or has too few rows.
    Source: METHODS §12 (stitched), §15.
    """
    draft = Draft(model)
    size = len(draft.arrays[draft.parts.embedding])
    kept = np.arange(keep) if isinstance(keep, int) else np.asarray(keep, dtype=np.intp)
    require(0 < kept.size < size and 0 <= kept.min() <= kept.max() < size, f"{kept.size} kept tokens of {size}")
    added = size - kept.size if count is None else count
    if donor is None and rows == "mean-of-pieces" and pieces is None:
        pieces = [rng.integers(0, size, int(rng.integers(1, 4))).tolist() for _ in range(added)]
    _rebuild(draft, kept, added, "zeros" if donor else rows, rng, pieces)
    made = draft.finish()
    if donor is not None:
        ids = range(int(kept.size), int(kept.size) + added)
        made = take_rows(made, rng, donor, {i: i for i in ids})
    return Model(made.arrays, made.config, tokenizer, made.dtypes, made.history)


def untie_head(model: Model, rng: np.random.Generator) -> Model:
    """Give the head a tensor of its own, equal to the embedding. Outputs stay bitwise equal.

    Raises: RefusedError when it has one already.
    Source: METHODS §12 (embeddings untied).
    """
    draft = Draft(model)
    require(draft.parts.head is None, "the head has a tensor of its own already")
    draft.untie()
    return draft.finish()


STEPS = (
    Step(
        "vocabulary-extended", extend, "operation", every, "METHODS §12",
        "Tokens are appended, their rows begun from old ones or drawn.",
    ),
    Step(
        "vocabulary-trimmed", trim, "operation", every, "METHODS §12",
        "Some tokens are kept and renumbered; the others are dropped.",
    ),
    Step(
        "vocabulary-replaced", replace, "operation", every, "METHODS §12",
        "Another vocabulary takes the old one's place: rows made with care, left untrained, or a third model's.",
    ),
    Step(
        "vocabulary-stitched", stitch, "operation", every, "METHODS §12, §15",
        "Some old tokens are joined with others, new or a third model's.",
    ),
    Step(
        "token-ids-reordered", reorder, "operation", every, "METHODS §12",
        "The tokens get other ids.", keeps="always, up to the ids",
    ),
    Step(
        "rows-from-donor", take_rows, "operation", every, "METHODS §12",
        "Some token rows are overwritten by a third model's.",
    ),
    Step(
        "embeddings-untied", untie_head, "operation", pre_norm, "METHODS §12",
        "The head gets a tensor of its own, equal to the embedding.", keeps="always",
    ),
)  # fmt: skip
