"""Verbs on libraries: small prints of every model known, and search among them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from forebear.api.arguments import listed
from forebear.api.document import document_of


@document_of
def library_add(
    paths: Sequence[str | Path] = (),
    *,
    into: str | Path = "library",
    from_list: str | Path | None = None,
    quick: bool = False,
    about: bool = False,
    engine: str = "local",
    architecture: str | Path | None = None,
    base: str | Path | None = None,
    max_header: int | str | None = None,
) -> Mapping[str, Any]:
    """Add models to a library: a print of each, made in one pass over its weights. What was finished is not done again.

    paths:     checkpoints: files, folders, folders of models, or addresses (hf://org/name@revision).
    into:      the library: a folder, made when there is none (default: library), or "lance:" and what LanceDB keeps it in.
    from_list: a text file that names further models, a line each.
    quick:     read two layers only; such prints are marked, and find less.
    about:     add what is known of models without weights: configuration, tokenizer, claims.
    engine:    who makes the prints: local, or ray: the workers of Ray, on this machine or on the cluster of RAY_ADDRESS.
    architecture: an architecture definition of your own (TOML); see docs/architectures.md.
    base:      the model that adapters (LoRA) among the paths change: each is printed as that model changed, and compared so later.
    max_header: largest header read, as a number of bytes or "100MiB" (default 25MiB).
    Returns:   a forebear/library/1 document: a row for every model, with what became of it.
    Raises:    RefusedError when none of the paths holds a model and there is no library yet (none is made then), or the library
               cannot be opened or written; a model that cannot be read is a row with its reason.
    Source:    METHODS §14, §18.

    >>> import forebear, tempfile
    >>> from importlib.resources import files
    >>> demo, folder = files("forebear") / "demo_data", tempfile.mkdtemp()
    >>> added = forebear.library_add([demo / "base", demo / "independent"], into=folder)
    >>> [(item["name"], item["outcome"]) for item in added["items"]]
    [('base', 'added'), ('independent', 'added')]
    >>> dict(forebear.library_add([demo / "base"], into=folder)["outcomes"])
    {'known': 1}
    """
    from forebear.core.sizes import parse_size
    from forebear.engines.opening import is_begun
    from forebear.library import adding, verbs
    from forebear.library.members import models_in

    named = adding.listed_paths(listed(paths), from_list)
    wanted = adding.Wanted(
        quick, about, None if architecture is None else Path(architecture),
        None if max_header is None else parse_size(max_header, "--max-header"), base=None if base is None else str(base),
    )  # fmt: skip
    words = ["add", *(str(path) for path in listed(paths)), "--into", str(into), *_given({"from-list": from_list})]
    words += [f"--{name}" for name, given in (("quick", quick), ("about", about)) if given]
    words += [] if engine == "local" else ["--engine", engine]
    words += _given({"architecture": architecture, "base": base, "max-header": max_header})
    adding.refuse_missing(named)
    models = named if about else [model for path in named for model in models_in(path)]
    adding.require_adapter(models, wanted)
    made = _engine(engine)
    if not is_begun(into):
        made = adding.begun(models, wanted, made)
    return verbs.add(_store(into, make=True), models, wanted, words, made)


@document_of
def library_search(
    subject: str | Path,
    *,
    library: str | Path = "library",
    top: int = 20,
    prove: bool = False,
    rewritten: bool = False,
    architecture: str | Path | None = None,
    base: str | Path | None = None,
    max_header: int | str | None = None,
) -> Mapping[str, Any]:
    """Which models of a library may the subject be kin of? Candidates by their prints; with --prove, relations on weights.

    subject: the model asked about: a checkpoint, or the name or id of a model of the library.
    library: the library's folder (default: library); "lance:" and where LanceDB keeps one; "shards:" or "ray:" and a folder of
             libraries, searched as one here or by the workers of Ray.
    top:     most candidates shown (default 20).
    prove:   compare the subject with every candidate on the weights, where they can be read.
    rewritten: list also the models nearest by anchor tokens: a ranking, for --prove to compare. A rewritten copy that was
             trained further is found only so.
    architecture: an architecture definition of your own (TOML), for the subject.
    base:    the model that the subject, an adapter (LoRA), changes: it is searched for as that model changed.
    max_header: largest header read, as a number of bytes or "100MiB" (default 25MiB).
    Returns: a forebear/search/1 document. `corrected_log10_p` is multiplied by all screens searched; null where what
             proposed a model is no test.
    Raises:  RefusedError when the subject or the library cannot be read; UsageError.
    Source:  METHODS §14, §18; thresholds: decision 0040.

    >>> import forebear, tempfile
    >>> from importlib.resources import files
    >>> demo, folder = files("forebear") / "demo_data", tempfile.mkdtemp()
    >>> added = forebear.library_add([demo / "base", demo / "independent"], into=folder)
    >>> found = forebear.library_search(demo / "descendant", library=folder)
    >>> [(hit["name"], hit["relation"], hit["proved"]) for hit in found["hits"]]
    [('base', 'candidate-by-sketch', False)]
    >>> proved = forebear.library_search(demo / "descendant", library=folder, prove=True)
    >>> [(hit["name"], hit["relation"], hit["proved"]) for hit in proved["hits"]]
    [('base', 'related', True)]
    """
    from forebear.core.errors import UsageError
    from forebear.core.sizes import parse_size
    from forebear.library import proving, verbs
    from forebear.library.adding import Wanted

    if top < 1:
        raise UsageError("is no number of candidates", where="--top", todo="Give 1 or more.")
    words = ["search", str(subject), "--library", str(library), "--top", str(top)]
    words += [f"--{name}" for name, given in (("prove", prove), ("rewritten", rewritten)) if given]
    words += _given({"architecture": architecture, "base": base, "max-header": max_header})
    wanted = Wanted(
        architecture=None if architecture is None else Path(architecture),
        max_header=None if max_header is None else parse_size(max_header, "--max-header"),
        base=None if base is None else str(base),
    )
    chosen = proving.prove if prove else None
    return verbs.search(_store(library), str(subject), top, words, wanted, prove=chosen, rewritten=rewritten)


@document_of
def library_tree(
    *,
    library: str | Path = "library",
    prove: bool = False,
    comparisons: int = 1000,
    dates: str | Path | None = None,
) -> Mapping[str, Any]:
    """The models of a library as families: who is next to whom, merges, models that are missing, and what their cards claim.

    library: the library's folder (default: library).
    prove:   compare pairs on their weights, where they can be read: without it every edge is a proposal of prints.
    comparisons: most pairs compared (default 1000); pairs that are nearest by their prints come first.
    dates:   a TOML file of dates: tables [[model]] with name, there_by (it was there by that day) and not_before, from sources that
             the makers of the models do not control. Without dates no direction is shown.
    Returns: a forebear/tree/1 document: nodes, edges (with a parent and a child only where direction is shown), families, claims.
             Two models are next to each other when no model of the library lies between them.
    Raises:  RefusedError when the library or the dates cannot be read, or the library has more than 2,000 models; UsageError.
    Source:  METHODS §11, §14, §18, §20; thresholds: decision 0067.

    >>> import forebear, tempfile
    >>> from importlib.resources import files
    >>> demo, folder = files("forebear") / "demo_data", tempfile.mkdtemp()
    >>> added = forebear.library_add([demo / "base", demo / "descendant", demo / "independent"], into=folder)
    >>> tree = forebear.library_tree(library=folder, prove=True)
    >>> [(edge["relation"], edge["direction"]) for edge in tree["edges"]]
    [('related', 'not-shown')]
    >>> [node["name"] for node in tree["nodes"] if node["family"] is None]
    ['independent']
    """
    from forebear.core.errors import UsageError
    from forebear.library.tree.build import tree

    if comparisons < 0:
        raise UsageError("is no number of comparisons", where="--comparisons", todo="Give 0 or more.")
    words = ["tree", "--library", str(library), *(["--prove"] if prove else [])]
    words += ["--comparisons", str(comparisons)] if comparisons != 1000 else []
    words += [] if dates is None else ["--dates", str(dates)]
    place = None if dates is None else Path(dates)
    return tree(_store(library), words, prove=prove, comparisons=comparisons, dates=place)


@document_of
def library_remove(models: Sequence[str], *, library: str | Path = "library") -> Mapping[str, Any]:
    """Take models out of a library.

    models:  their names, or the beginnings of their ids (8 digits or more).
    library: the library's folder (default: library).
    Returns: a forebear/library/1 document.
    Raises:  RefusedError for a name that nothing has, UsageError for one that several have.

    >>> import forebear, tempfile
    >>> from importlib.resources import files
    >>> folder = tempfile.mkdtemp()
    >>> added = forebear.library_add([files("forebear") / "demo_data" / "base"], into=folder)
    >>> forebear.library_remove(["base"], library=folder)["models"]
    0
    """
    from forebear.library import verbs

    names = [str(model) for model in listed(models)]
    return verbs.remove(_store(library), names, ["remove", *names, "--library", str(library)])


@document_of
def library_merge(others: Sequence[str | Path], *, into: str | Path = "library") -> Mapping[str, Any]:
    """Add everything of other libraries to one.

    others:  folders of libraries.
    into:    the library that grows, made when there is none (default: library).
    Returns: a forebear/library/1 document: a row for every model of the others.
    Raises:  RefusedError when one of them is no library.

    >>> import forebear, tempfile
    >>> from importlib.resources import files
    >>> one, both = tempfile.mkdtemp(), tempfile.mkdtemp()
    >>> added = forebear.library_add([files("forebear") / "demo_data" / "base"], into=one)
    >>> forebear.library_merge([one], into=both)["models"]
    1
    """
    from forebear.library import verbs

    paths = [str(path) for path in listed(others)]
    opened = [(path, _store(path)) for path in paths]
    return verbs.merge(_store(into, make=True), opened, ["merge", *paths, "--into", str(into)])


@document_of
def library_verify(*, library: str | Path = "library") -> Mapping[str, Any]:
    """Look at every byte of a library: what is torn is named, and rebuilt from what is whole.

    library: the library's folder (default: library).
    Returns: a forebear/library/1 document: a row for everything that was wrong; `lost` where it has to be added again.
    Raises:  RefusedError when it is no library, or of a later version.

    >>> import forebear, tempfile
    >>> from importlib.resources import files
    >>> folder = tempfile.mkdtemp()
    >>> added = forebear.library_add([files("forebear") / "demo_data" / "base"], into=folder)
    >>> forebear.library_verify(library=folder)["items"]
    ()
    """
    from forebear.library import verbs

    return verbs.verify(_store(library, check=False), ["verify", "--library", str(library)])


@document_of
def library_list(*, library: str | Path = "library") -> Mapping[str, Any]:
    """What a library holds: names and id of every model, its family and sizes, and whether all of it was read.

    library: the library's folder (default: library).
    Returns: a forebear/library/1 document: a row for every model; `kind` is whole, quick or about (no weights); `width` is in
             channels, `parameters` in values.
    Raises:  RefusedError when it is no library; a print that cannot be read is a row with its reason.
    Source:  METHODS §14.

    >>> import forebear, tempfile
    >>> from importlib.resources import files
    >>> folder = tempfile.mkdtemp()
    >>> added = forebear.library_add([files("forebear") / "demo_data" / "base"], into=folder)
    >>> [(item["name"], item["kind"], item["layers"]) for item in forebear.library_list(library=folder)["items"]]
    [('base', 'whole', 4)]
    """
    from forebear.library import verbs

    return verbs.listed(_store(library), ["list", "--library", str(library)])


@document_of
def library_compact(*, library: str | Path = "library") -> Mapping[str, Any]:
    """Give back the room that removed models took.

    library: the library's folder (default: library).
    Returns: a forebear/library/1 document with `freed_bytes`.
    Raises:  RefusedError when it is no library.

    >>> import forebear, tempfile
    >>> from importlib.resources import files
    >>> folder = tempfile.mkdtemp()
    >>> added = forebear.library_add([files("forebear") / "demo_data" / "base"], into=folder)
    >>> removed = forebear.library_remove(["base"], library=folder)
    >>> forebear.library_compact(library=folder)["freed_bytes"]
    1024
    """
    from forebear.library import verbs

    return verbs.compact(_store(library), ["compact", "--library", str(library)])


@document_of
def library_export(target: str | Path, *, library: str | Path = "library") -> Mapping[str, Any]:
    """Write a library as one file with its digest, to hand on. No weights are in it, and no paths of this machine.

    target:  the file to write.
    library: the library's folder (default: library).
    Returns: a forebear/library/1 document.
    Raises:  RefusedError when it cannot be read or written.

    >>> import forebear, tempfile
    >>> from importlib.resources import files
    >>> one, other = tempfile.mkdtemp(), tempfile.mkdtemp()
    >>> added = forebear.library_add([files("forebear") / "demo_data" / "base"], into=one)
    >>> exported = forebear.library_export(f"{other}/all.fblib", library=one)
    >>> forebear.library_import(f"{other}/all.fblib", into=f"{other}/library")["models"]
    1
    """
    from forebear.library import verbs

    return verbs.export(_store(library), Path(target), ["export", str(target), "--library", str(library)])


@document_of
def library_import(source: str | Path, *, into: str | Path = "library") -> Mapping[str, Any]:
    """Add everything of an exported library. The whole file is checked before anything is added.

    source:  the file that `library export` wrote.
    into:    the library that grows, made when there is none (default: library).
    Returns: a forebear/library/1 document.
    Raises:  RefusedError for a file that is no export, is cut short or was changed.

    >>> import forebear
    >>> forebear.library_import("absent.fblib")
    Traceback (most recent call last):
    ...
    forebear.core.errors.RefusedError: ...
    """
    from forebear.library import verbs

    checked = Path(source)
    for _ in verbs.exported(checked):
        pass
    return verbs.bring(_store(into, make=True), checked, ["import", str(source), "--into", str(into)])


def _store(address: str | Path, *, make: bool = False, check: bool = True) -> Any:
    from forebear.engines.opening import open_store

    return open_store(address, make=make, check=check)


def _given(options: Mapping[str, object]) -> list[str]:
    """Options that were given, as words of a command."""
    return [word for name, value in options.items() if value is not None for word in (f"--{name}", str(value))]


def _engine(name: str) -> Any:
    """What makes prints instead of this process; None for this process."""
    from forebear.core.errors import UsageError

    if name not in ("local", "ray"):
        raise UsageError("is no engine", where=f"--engine {name}", todo="Give local or ray.")
    if name == "local":
        return None
    from forebear.engines.ray import made

    return made
