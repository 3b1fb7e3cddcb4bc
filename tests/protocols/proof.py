"""The proof that a definition is right: outputs of a real implementation stay where a symmetry says they stay."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from forebear.models.architecture.definition import Definition
from forebear.models.axes import negate, permute
from forebear.models.checkpoint import Checkpoint, open_checkpoint_from
from tests.memory import MemoryContainer
from tests.protocols import published
from tests.protocols.families import Case

Arrays = dict[str, NDArray[Any]]


@dataclass
class Subject:
    """A tiny random checkpoint on disk, as transformers writes it, with the outputs it gives."""

    case: Case
    folder: Path
    arrays: Arrays
    config: dict[str, Any]
    outputs: NDArray[np.float64]

    def checkpoint(self, definition: Definition | None = None) -> Checkpoint:
        """The checkpoint as forebear sees it."""
        return open_checkpoint_from(MemoryContainer(self.arrays), self.config, definition=definition)

    def moved(self, arrays: Arrays) -> float:
        """Largest change of any output, as a share of their spread, after loading other arrays."""
        from safetensors.numpy import save_file

        folder = self.folder.with_name(self.folder.name + "-changed")
        folder.mkdir(exist_ok=True)
        config = json.loads((self.folder / "config.json").read_text())
        config |= {"tie_word_embeddings": False} if self.config.get("tie_word_embeddings") is False else {}
        (folder / "config.json").write_text(json.dumps(config))
        loadable = published.to_class(self.case.published, arrays, self.config)
        save_file({name: array.copy(order="C") for name, array in loadable.items()},
                  folder / "model.safetensors", metadata={"format": "pt"})  # fmt: skip
        outputs = run(load(self.case, folder), self.case)
        return float(np.abs(outputs - self.outputs).max() / self.outputs.std())


def write_subject(case: Case, folder: Path, seed: int = 11) -> Subject:
    """A model of the case's class, every parameter random and non-zero, saved in float64 the way users get it."""
    import torch
    import transformers
    from safetensors.numpy import load_file

    torch.set_num_threads(1)
    transformers.utils.logging.disable_progress_bar()
    torch.manual_seed(7)
    config = getattr(transformers, case.config)(**case.settings)
    model = getattr(transformers, case.model)(config).to(torch.float64).eval()
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            spread = 0.5 if parameter.ndim < 2 else 0.3
            base = 1.0 if parameter.ndim == 1 and name.endswith("weight") else 0.0
            parameter.copy_(base + spread * torch.randn(parameter.shape, generator=generator, dtype=torch.float64))
    model.save_pretrained(folder)
    arrays = dict(load_file(folder / "model.safetensors"))
    if case.stacked:
        tied = set(model._tied_weights_keys or ()) if config.tie_word_embeddings else set()
        arrays = {name: value.numpy() for name, value in model.state_dict().items() if name not in tied}
    written = json.loads((folder / "config.json").read_text())
    arrays, written = published.from_class(case.published, arrays, written)
    outputs = run(load(case, folder), case)
    return Subject(case, folder, arrays, written, outputs)


def load(case: Case, folder: Path) -> Any:
    """The model from disk, in float64."""
    import torch
    import transformers

    # The grouped kernels for experts know no float64.
    plain = {"experts_implementation": "eager"} if "expert" in case.allowed.split() else {}
    kind = getattr(transformers, case.model)
    model = kind.from_pretrained(folder, dtype=torch.float64, attn_implementation="eager", **plain)
    return model.eval()


def run(model: Any, case: Case) -> NDArray[np.float64]:
    """Every output of the model on the case's inputs, flattened into one vector."""
    import torch

    with torch.no_grad():
        found = model(**inputs_for(case))
    tensors = {key: value for key, value in found.items() if torch.is_tensor(value) and value.is_floating_point()}
    values = [value for key, value in tensors.items() if "logits" in key]
    values = values or [tensors[key] for key in ("pooler_output", "text_embeds", "image_embeds") if key in tensors]
    assert values, f"no outputs to compare among {list(found)}"
    return np.concatenate([value.double().numpy().ravel() for value in values])


def inputs_for(case: Case) -> dict[str, Any]:
    """What the model is fed: two rows of tokens, or what the case's kind of model eats."""
    import torch

    generator = torch.Generator().manual_seed(5)
    tokens = torch.randint(3, 37, (2, 9), generator=generator)
    image = torch.randn((2, 3, 8, 8), generator=generator, dtype=torch.float64)
    sound = torch.randn((2, 8, 20), generator=generator, dtype=torch.float64)
    large = torch.randn((2, 3, 16, 16), generator=generator, dtype=torch.float64)
    marked = torch.cat([tokens % 34, torch.full((2, 4), 36), tokens.flip(1) % 34], dim=1)
    return {
        "tokens": {"input_ids": tokens},
        "prompt": {"input_ids": marked, "pixel_values": large},
        "pair": {"input_ids": tokens, "decoder_input_ids": tokens.flip(1)},
        "image": {"pixel_values": image},
        "both": {"input_ids": tokens, "pixel_values": image},
        "sound": {"input_features": sound, "decoder_input_ids": tokens},
    }[case.inputs]


def actions(checkpoint: Checkpoint, arrays: Arrays) -> dict[str, Arrays]:
    """Every symmetry the definition allows, each carried out in every scope at once with its own random shuffle.

    A shuffle of one unit (the only KV head of a multi-query model) does nothing and is left out.
    """
    done: dict[str, Arrays] = {}
    for name, axis in checkpoint.axes.items():
        if axis.permutation and max(size for _, size in scopes(checkpoint, name)) > 1:
            done[f"{name} permuted"] = everywhere(checkpoint, arrays, name, signs=False)
        if axis.sign:
            done[f"{name} negated"] = everywhere(checkpoint, arrays, name, signs=True)
    return done


def everywhere(checkpoint: Checkpoint, arrays: Arrays, axis: str, *, signs: bool) -> Arrays:
    """The axis shuffled (or its signs flipped) in every scope, each scope by a draw of its own."""
    rng = np.random.default_rng(abs(hash_text(axis)) % 2**32)
    for where, size in scopes(checkpoint, axis):
        if signs:
            arrays = negate(arrays, checkpoint, axis, rng.choice([-1, 1], size), **where)
        else:
            arrays = permute(arrays, checkpoint, axis, derangement(rng, size), **where)
    return arrays


def scopes(checkpoint: Checkpoint, axis: str) -> list[tuple[dict[str, Any], int]]:
    """Every place in which an axis has a shuffle of its own, as arguments of `permute`, and how many units it has."""
    layout = checkpoint.layout
    assert layout is not None
    rule = layout.definition.axes[axis]
    found: dict[tuple[Any, ...], int] = {}
    experts = axis in layout.definition.expert_atoms
    for piece in layout.pieces:
        if not piece.has(axis):
            continue
        atoms = next(atoms for atoms in piece.atoms if axis in atoms)
        sizes = next(sizes for atoms, sizes in zip(piece.atoms, piece.sizes, strict=True) if axis in atoms)
        blocks = int(np.prod([size for atom, size in zip(atoms, sizes, strict=True) if atom in rule.scope]))
        inner = any(word in layout.definition.axes for word in rule.scope)
        for block in range(blocks) if inner else [None]:
            layer = piece.layer if "layer" in rule.scope else None
            stack = None if "model" in rule.scope else piece.stack
            expert = piece.expert if "expert" in rule.scope and not experts else None
            found[layer, stack, expert, block] = piece.size(axis)
    keys = ("layer", "stack", "expert", "block")
    return [(dict(zip(keys, place, strict=True)), size) for place, size in found.items()]


def derangement(rng: np.random.Generator, size: int) -> NDArray[np.intp]:
    """A random order that is not the identity when there is a choice."""
    while True:
        order = rng.permutation(size)
        if size < 2 or not np.array_equal(order, np.arange(size)):
            return order


def hash_text(text: str) -> int:
    """The same number for a text in every process."""
    return int.from_bytes(text.encode()[:6].ljust(6, b"_"), "big")
