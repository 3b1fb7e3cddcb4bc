"""Layouts that are not read, or not where a part is missing: known by names of files and folders, with what converts them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple

from forebear.core.errors import RefusedError, refusal
from forebear.core.messages import message
from forebear.files.base import Container, quoted
from forebear.files.bytes.folder import Folder

PIECES = "DCP_SHARDING_INFO"
"""Key of a safetensors header under which torch.distributed.checkpoint states which piece of each tensor a file holds."""
CUT = re.compile(r"shard-\d{5}-.+\.safetensors")
"""Names of such files: one a rank."""
_NONE = re.compile(r"(?!)")


class Layout(NamedTuple):
    """What a folder is when a file or an inner folder of it is named so.

    kind: key of what it is (`unread`), and of what makes one checkpoint of it (`convert`).
    """

    kind: str
    files: re.Pattern[str] = _NONE
    folders: re.Pattern[str] = _NONE


LAYOUTS = (
    Layout(
        "deepspeed",
        re.compile(r".*zero_pp_rank_.*|.*_optim_states\.pt|mp_rank_\d+_model_states\.pt|zero_to_fp32\.py"),
        re.compile(r"global_step\d+"),
    ),
    Layout(
        "dcp",
        re.compile(r".*\.distcp"),
    ),
    Layout(
        "dcp_safetensors",
        CUT,
    ),
    Layout(
        "fsdp",
        folders=re.compile(r"pytorch_model_fsdp_\d+"),
    ),
    Layout(
        "megatron",
        re.compile(r"latest_checkpointed_iteration\.txt|model_optim_rng\.pt|distrib_optim\.pt"),
        re.compile(r"iter_\d{7}|mp_rank_\d{2}.*"),
    ),
    Layout(
        "orbax",
        re.compile(r"_CHECKPOINT_METADATA|manifest\.ocdbt|_METADATA|_sharding"),
        re.compile(r"ocdbt\.process_\d+"),
    ),
    Layout(
        "tf_checkpoint",
        re.compile(r"saved_model\.pb|.*\.data-\d{5}-of-\d{5}|.*\.ckpt(?:-\d+)?\.index"),
    ),
)  # fmt: skip


def layout_of(names: Iterable[str]) -> Layout | None:
    """The layout that one of these names belongs to."""
    listed = list(names)
    return next((one for one in LAYOUTS if any(kind.fullmatch(n) for n in listed for kind in (one.files, one.folders))), None)


def refuse_pieces(container: Container, name: str, where: str) -> None:
    """Refuse safetensors files that hold pieces of tensors, which their header says and no reader of safetensors sees.

    Source: torch/distributed/checkpoint/_hf_utils.py (DCP_SHARDING_INFO; a file for each rank until they are consolidated).
    Raises: RefusedError that names the layout and what joins it.
    """
    if PIECES in container.metadata:
        said = message("format.this_is_named", kind=message("unread.dcp_safetensors"), name=quoted(name))
        raise refusal(said, where=where, todo=message("convert.dcp_safetensors"))


def refused_layout(folder: Folder) -> RefusedError | None:
    """A refusal that names the layout of a folder without weights of a format that is read; None for an unknown one."""
    files = [name for name in folder.names() if any(layout.files.fullmatch(name) for layout in LAYOUTS)]
    inner = folder.folders()
    for layout in LAYOUTS:
        found = [n for n in files if layout.files.fullmatch(n)] or [n for n in inner if layout.folders.fullmatch(n)]
        if found:
            said = message("format.this_is_named", kind=message(f"unread.{layout.kind}"), name=quoted(min(found)))
            return refusal(said, where=folder.where, todo=message(f"convert.{layout.kind}"))
    steps = sorted((name for name in inner if name.isdecimal()), key=int)
    return refused_layout(folder.inner(steps[-1])) if steps else None  # a manager of checkpoints keeps one a step
