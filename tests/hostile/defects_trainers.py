"""Hostile checkpoints of training systems: folders of files with one fault each, and the words that the refusal must hold."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

from tests.hostile.pickled import Name, Obj, Pairs, pickled, size, tensor, torch_file

Files = dict[str, Any]
"""Path -> bytes, or a `Link`."""


@dataclass(frozen=True)
class Link:
    """A symbolic link."""

    target: str


FLOATS = bytes(range(64))
CYCLE = b"\x80\x02}q\x00X\x05\x00\x00\x00modelh\x00s."
"""A dictionary that holds itself."""
BOMB = b"\x80\x02" + b"]q\x000" + b"".join(b"](h" + bytes([n]) + b"h" + bytes([n]) + b"eq" + bytes([n + 1]) + b"0" for n in range(60)) + b"h\x3c."
"""Lists of lists of lists: 2^60 places in a few hundred bytes."""


# torch.distributed.checkpoint

_META = "torch.distributed.checkpoint.metadata"


def chunk(offsets: Any, sizes: Any) -> Obj:
    return Obj(_META, "ChunkStorageMetadata", (), {"offsets": offsets, "sizes": sizes})


def stated(whole: Any, chunks: Any) -> Obj:
    return Obj(_META, "TensorStorageMetadata", (), {"properties": None, "size": whole, "chunks": chunks})


def item(name: Any, offset: Any, file: Any, begin: Any, length: Any, **more: Any) -> tuple[Obj, Obj]:
    index = Obj(_META, "MetadataIndex", (), {"fqn": name, "offset": offset, "index": 0})
    info = {"relative_path": file, "offset": begin, "length": length, **more}
    return index, Obj("torch.distributed.checkpoint.filesystem", "_StorageInfo", (), info)


HALF = torch_file(tensor("0", (2, 3)), {"0": FLOATS[:24]})
WHOLE_NUMBERS = torch_file(tensor("0", (2, 3), kind="IntStorage"), {"0": FLOATS[:24]})
N = len(HALF)


def dcp(change: Callable[[dict[str, Any]], None] = lambda parts: None, files: Files | None = None) -> Files:
    """A folder of a tensor of 4 x 3 in two chunks in two files. change: of its parts before they are written."""
    parts: dict[str, Any] = {
        "tensors": {"a.weight": stated(size(4, 3), [chunk(size(0, 0), size(2, 3)), chunk(size(2, 0), size(2, 3))])},
        "items": [item("a.weight", size(0, 0), "__0_0.distcp", 0, N), item("a.weight", size(2, 0), "__1_0.distcp", 0, N)],
        "planner": {"a.weight": ("model", "a.weight")},
    }
    change(parts)
    metadata = {"state_dict_metadata": parts["tensors"], "planner_data": parts["planner"], "storage_data": Pairs(tuple(parts["items"]))}
    root = Obj(_META, "Metadata", (), metadata)
    return {".metadata": pickled(root), "__0_0.distcp": HALF, "__1_0.distcp": HALF} | (files or {})


def _item(number: int, **changes: Any) -> Callable[[dict[str, Any]], None]:
    def change(parts: dict[str, Any]) -> None:
        fields = {"name": "a.weight", "offset": size(2 * number, 0), "file": f"__{number}_0.distcp", "begin": 0, "length": N}
        parts["items"][number] = item(**(fields | changes))

    return change


def _tensor(whole: Any, chunks: Any) -> Callable[[dict[str, Any]], None]:
    return lambda parts: parts["tensors"].update({"a.weight": stated(whole, chunks)})


def _set(key: str, value: Any) -> Callable[[dict[str, Any]], None]:
    return lambda parts: parts.update({key: value})


BOTH = [chunk(size(0, 0), size(2, 3)), chunk(size(2, 0), size(2, 3))]
DCP: dict[str, tuple[Files, str]] = {
    "no metadata of it": (dcp(files={".metadata": pickled({"a": 1})}), "is no metadata of torch.distributed.checkpoint"),
    "a cycle": (dcp(files={".metadata": CYCLE}), "is no metadata of torch"),
    "a bomb": (dcp(files={".metadata": BOMB}), "the metadata is no metadata"),
    "an opcode that imports": (dcp(files={".metadata": b"\x80\x02\x82\x01."}), "which no checkpoint needs"),
    "cut metadata": (dcp(files={".metadata": dcp()[".metadata"][:300]}), "the pickle cannot be read after byte"),
    "no tensor": (dcp(_set("tensors", {})), "describes no tensor of a model"),
    "a tensor twice": (dcp(lambda p: p.update(tensors=Pairs(tuple(p["tensors"].items()) * 2))), "describes tensor 'a.weight' twice"),
    "no size": (dcp(_tensor(None, BOTH)), "without a size or chunks"),
    "a negative size": (dcp(_tensor(size(-4, 3), BOTH)), "without a size or chunks. Join"),
    "a huge shape": (dcp(_tensor(size(2**40, 2**40), BOTH)), "without a size"),
    "more values than chunks": (dcp(_tensor(size(2**30, 3), BOTH)), "has 3,221,225,472 values and pieces with 12"),
    "nine axes": (dcp(_tensor(size(*[1] * 9), BOTH)), "without a size or"),
    "chunks that are none": (dcp(_tensor(size(4, 3), [None, 7])), "by chunks that are none"),
    "overlapping chunks": (dcp(lambda p: (_tensor(size(4, 3), [BOTH[0], chunk(size(1, 0), size(2, 3))])(p), _item(1, offset=size(1, 0))(p))[0]),
                           "has pieces that overlap"),
    "a chunk outside the tensor": (dcp(lambda p: (_tensor(size(4, 3), [BOTH[0], chunk(size(3, 0), size(2, 3))])(p), _item(1, offset=size(3, 0))(p))[0]),
                                   "outside its shape (4, 3)"),
    "a missing chunk": (dcp(_tensor(size(4, 3), BOTH[:1])), "has 12 values and pieces with 6"),
    "a chunk of another shape": (dcp(files={"__1_0.distcp": torch_file(tensor("0", (3, 2)), {"0": FLOATS[:24]})}), "of shape (3, 2); its metadata says"),
    "a chunk of another number type": (dcp(_item(1, length=len(WHOLE_NUMBERS)), {"__1_0.distcp": WHOLE_NUMBERS}),
                                       "are of several number types"),
    "a chunk that is nowhere": (dcp(lambda p: p["items"].pop()), "does not say where the chunk at (2, 0)"),
    "a chunk in two places": (dcp(lambda p: p["items"].append(item("a.weight", size(2, 0), "__0_0.distcp", 5, N))), "in two places"),
    "chunks on the same bytes": (dcp(_item(1, file="__0_0.distcp", begin=9)), "two chunks on the same bytes"),
    "a range behind the end": (dcp(_item(1, begin=40)), "of a file of"),
    "a range far outside": (dcp(_item(1, begin=2**50, length=2**50)), "ends at byte 2,251,799,813,685,248"),
    "a negative place": (dcp(_item(1, begin=-1)), "nowhere"),
    "a place that is text": (dcp(_item(1, begin="0")), "places a chunk of tensor 'a.weight' nowhere"),
    "a file above": (dcp(_item(1, file="../__1_0.distcp")), "not a file name inside its folder"),
    "an absolute file": (dcp(_item(1, file="/etc/passwd")), "the index names the shard '/etc/passwd'"),
    "a missing file": (dcp(_item(1, file="__7_0.distcp")), "the file '__7_0.distcp' of this checkpoint is missing"),
    "a link that leads out": (dcp(files={"__1_0.distcp": Link("/etc/hostname")}), "is a link that leads out of the folder"),
    "a link to itself": (dcp(files={"__1_0.distcp": Link("__1_0.distcp")}), "a symbolic link that leads back to itself"),
    "an empty file": (dcp(files={"__1_0.distcp": b""}), "of a file of 0"),
    "no archive": (dcp(files={"__1_0.distcp": bytes(N)}), "no end record"),
    "a chunk that is a dictionary": (dcp(files={"__1_0.distcp": torch_file({"x": tensor("0", (2, 3))}, {"0": FLOATS[:24]}).ljust(N, b"\0")}), "distcp"),
    "an extension": (dcp(_item(1, transform_descriptors=("zstd",))), "written through an extension"),
}  # fmt: skip


# DTensor and ShardedTensor


def placement(kind: str, **state: Any) -> Obj:
    return Obj("torch.distributed.tensor.placement_types", kind, (), state)


def dtensor(local: Any, whole: Any, placements: Any, mesh: Any, at: Any) -> Obj:
    layout = Obj("torch.distributed._mesh_layout", "_MeshLayout", (), {"shape": mesh})
    where = Obj("torch.distributed.device_mesh", "DeviceMesh", (), {"_layout": layout, "_coordinate_on_dim": at})
    spec = Obj("torch.distributed.tensor._dtensor_spec", "DTensorSpec", (), {"mesh": where, "placements": placements})
    cls = Name("torch.distributed.tensor", "DTensor")
    args = (Name("torch._utils", "_rebuild_wrapper_subclass"), cls, (cls, Name("torch", "float32"), whole),
            (None, {"_local_tensor": local, "_spec": spec}))  # fmt: skip
    return Obj("torch._tensor", "_rebuild_from_type_v2", args)


def rank(number: int, **changes: Any) -> bytes:
    fields: dict[str, Any] = {"local": tensor("0", (2, 3)), "whole": (4, 3), "placements": (placement("Shard", dim=0),),
                              "mesh": (2,), "at": (number,)}  # fmt: skip
    return torch_file({"a.weight": dtensor(**(fields | changes))}, {"0": FLOATS[:24]})


def shares(files: Files | None = None, **changes: Any) -> Files:
    """The files of two ranks, each with half of a tensor of 4 x 3. changes: of the second."""
    return {"model_world_size_2_rank_0.pt": rank(0), "model_world_size_2_rank_1.pt": rank(1, **changes)} | (files or {})


def sharded_record(shards: Any, stated: Any = None, whole: Any = (4, 3)) -> Obj:
    cls = Name("torch.distributed._shard.sharded_tensor.api", "ShardedTensor")
    about = Obj("torch.distributed._shard.sharded_tensor.metadata", "ShardedTensorMetadata", (), {"shards_metadata": stated or [1, 2]})
    args = (Name("torch._utils", "_rebuild_wrapper_subclass"), cls, (cls, Name("torch", "float32"), whole), (shards, about))
    return Obj("torch._tensor", "_rebuild_from_type_v2", args)


def sharded(shards: Any, stated: Any = None) -> Files:
    return {"model_rank_0.pt": torch_file({"a.weight": sharded_record(shards, stated)}, {"0": FLOATS[:24]})}


def shard(local: Any, offsets: Any, extent: Any) -> Obj:
    about = Obj("torch.distributed._shard.metadata", "ShardMetadata", (), (None, {"shard_offsets": offsets, "shard_sizes": extent}))
    return Obj("torch.distributed._shard.sharded_tensor.shard", "Shard", (), (None, {"tensor": local, "metadata": about}))


SECOND = "model_world_size_2_rank_1.pt"
SHARES: dict[str, tuple[Files, str]] = {
    "a missing rank": ({SECOND: rank(1)}, "is cut over 2 ranks; 1 file here holds 6 of its 12"),
    "the same rank twice": (shares(at=(0,)), "2 files here hold 6 of its 12"),
    "another shape": (shares(whole=(5, 3)), "another rank's file"),
    "another number type": (shares(local=tensor("0", (2, 3), kind="IntStorage")), "number type in another"),
    "a part of another size": (shares(local=tensor("0", (1, 3))), "has a part of shape (1, 3) where (2, 3) belongs"),
    "a huge shape": (shares(whole=(2**40, 2**40)), "sizes that are no whole numbers"),
    "a long axis": (shares(whole=(2**40, 3)), "has an axis longer than"),
    "an axis it does not have": (shares(placements=(placement("Shard", dim=7),)), "cut along an axis that it does not have"),
    "a partial sum": (shares(placements=(placement("Partial", reduce_op="sum"),)), "still has to be summed"),
    "no placements": (shares(placements=None), "without its local tensor or placements"),
    "no local tensor": (shares(local=None), "is a DTensor without its local tensor"),
    "a mesh of nothing": (shares(mesh=()), "mesh says nothing of its size"),
    "a mesh of millions": (shares(mesh=(2**40,)), "says nothing of its size"),
    "a place outside the mesh": (shares(at=(5,)), "does not say which rank's it is"),
    "steps of nothing": (shares(placements=(placement("_StridedShard", dim=0, split_factor=0),)), "in steps of what is no number"),
    "rows that do not lie together": (shares(placements=(placement("_StridedShard", dim=0, split_factor=2),)), "rows do not lie together"),
    "a cycle": (shares({SECOND: torch_file(CYCLE.replace(b"s.", b"sctorch.distributed.tensor\nDTensor\n0."), {})}), "too deep or leads back"),
    "a bomb": (shares({SECOND: torch_file(BOMB.replace(b"\x80\x02", b"\x80\x02ctorch.distributed.tensor\nDTensor\n0"), {})}), "branches"),
    "a cut file": (shares({SECOND: rank(1)[:200]}), "rank_1"),
    "a plain tensor between them": (shares({SECOND: torch_file({"a.weight": tensor("0", (2, 3))}, {"0": FLOATS[:24]})}), "nothing says how they are cut"),
    "a storage that is not there": (shares({SECOND: torch_file({"a.weight": dtensor(tensor("9", (2, 3)), (4, 3), (placement("Shard", dim=0),), (2,), (1,))}, {})}),
                                    "which the file lacks"),
    "a storage too short": (shares(local=tensor("0", (2, 3), elements=600)), "needs 2,400 bytes of a storage that has 24"),
    "a link to nothing": (shares({SECOND: Link("nothing")}), "no such file"),
    "a name twice": (shares({SECOND: torch_file(Pairs((("a", dtensor(tensor("0", (2, 3)), (4, 3), (), (), ())),) * 2), {"0": FLOATS[:24]})}), "is there twice"),
}  # fmt: skip


# FSDP: ShardedTensor


def fsdp(files: Files | None = None, local: Any = None, offsets: Any = (2, 0), extent: Any = (2, 3), **changes: Any) -> Files:
    """The files of two ranks, each with one shard of a tensor of 4 x 3. local, offsets, extent, changes: of the second."""
    made: Files = {}
    for number in range(2):
        one = shard(tensor("0", (2, 3)), [0, 0], [2, 3]) if number == 0 else shard(local or tensor("0", (2, 3)), offsets, extent)
        record = sharded_record([one], **(changes if number else {}))
        made[f"model_rank_{number}.pt"] = torch_file({"a.weight": record}, {"0": FLOATS[:24]})
    return made | (files or {})


FSDP_LAST = "model_rank_1.pt"
TWO_SHARDS = [shard(tensor("0", (2, 3)), [0, 0], [2, 3]), shard(tensor("0", (2, 3)), [1, 0], [2, 3])]
FSDP: dict[str, tuple[Files, str]] = {
    "shards outside": (sharded([shard(tensor("0", (2, 3)), [3, 0], [2, 3])]), "6 of its 12"),
    "a shard without a place": (sharded([shard(tensor("0", (2, 3)), None, [2, 3])]), "is a ShardedTensor with a shard that is none"),
    "no shards": (sharded(7), "is a ShardedTensor without shards"),
    "a missing rank": ({FSDP_LAST: fsdp()[FSDP_LAST]}, "is cut over 2 ranks; 1 file here holds 6"),
    "shards that overlap": (sharded(TWO_SHARDS), "has pieces that overlap"),
    "a shard behind the end": (fsdp(offsets=(3, 0)), "has a piece at (3, 0) of size (2, 3), outside its shape (4, 3)"),
    "a shard of a place below nothing": (fsdp(offsets=(-2, 0)), "with a shard that is none. Get the checkpoint again"),
    "a shard of another size": (fsdp(local=tensor("0", (1, 3))), "has a part of shape (1, 3) where (2, 3) belongs"),
    "a shard of one axis": (fsdp(local=tensor("0", (6,)), offsets=(6,), extent=(6,)), "has 2 axes and a piece with 1"),
    "a shard that is no tensor": (fsdp(local=7), "'a.weight' is a ShardedTensor with a shard that is none"),
    "another number type": (fsdp(local=tensor("0", (2, 3), kind="IntStorage")), "number type in another rank's file"),
    "another shape": (fsdp(whole=(5, 3)), "has another shape or number type"),
    "a huge shape": (fsdp(whole=(2**40, 2**40)), "has sizes that are no whole numbers from 0 up"),
    "a shape that is text": (fsdp(whole="4 x 3"), "tensor 'a.weight' has sizes that are no"),
    "a storage that is not there": (fsdp(local=tensor("9", (2, 3))), "which the file lacks"),
    "a storage too short": (fsdp(local=tensor("0", (2, 3), elements=600)), "needs 2,400 bytes of a storage that has 24"),
    "a cycle": (fsdp({FSDP_LAST: torch_file(CYCLE.replace(b"s.", b"sctorch.distributed._shard.sharded_tensor.api\nShardedTensor\n0."), {})}),
                "too deep or leads back"),
    "a bomb": (fsdp({FSDP_LAST: torch_file(BOMB.replace(b"\x80\x02", b"\x80\x02ctorch.distributed._shard.sharded_tensor.api\nShardedTensor\n0"), {})}),
               "branches"),
    "a cut file": (fsdp({FSDP_LAST: fsdp()[FSDP_LAST][:200]}), "rank_1"),
    "a link that leads out": (fsdp({FSDP_LAST: Link("nothing")}), "no such file"),
}  # fmt: skip


# DeepSpeed


def zero(change: Callable[[dict[str, Any]], None] = lambda parts: None, files: Files | None = None) -> Files:
    """Stage 3 over two ranks: a of 4 x 3 and b of 5 values; every rank has 6 and 3 values of them."""
    parts: dict[str, Any] = {
        "model": {"module": {}, "buffer_names": [], "param_shapes": [{"a": size(4, 3), "b": size(5)}], "shared_params": {}},
        "optim": {"zero_stage": 3, "partition_count": 2, "fp32_flat_groups": [tensor("0", (9,))]},
    }
    other = deepcopy(parts)
    parts["other"] = other["optim"]
    change(parts)
    at = "global_step1/"
    made: Files = {"latest": b"global_step1"}
    for number, key in enumerate(("optim", "other")):
        made[f"{at}zero_pp_rank_{number}_mp_rank_00_model_states.pt"] = torch_file(parts["model"], {"0": FLOATS})
        state = {"optimizer_state_dict": parts[key]}
        made[f"{at}bf16_zero_pp_rank_{number}_mp_rank_00_optim_states.pt"] = torch_file(state, {"0": FLOATS[:36]})
    return {name: data for name, data in (made | (files or {})).items() if data is not None}


def two(change: Callable[[dict[str, Any]], None] = lambda parts: None) -> Files:
    """Stage 2 over two ranks: a and b behind each other, 9 values a rank, one file of the model without copies."""
    def both(parts: dict[str, Any]) -> None:
        for key in ("optim", "other"):
            parts[key].update(zero_stage=2, single_partition_of_fp32_groups=parts[key].pop("fp32_flat_groups"), partition_count=[2])
        change(parts)

    made = zero(both)
    made["global_step1/mp_rank_00_model_states.pt"] = made.pop("global_step1/zero_pp_rank_0_mp_rank_00_model_states.pt")
    del made["global_step1/zero_pp_rank_1_mp_rank_00_model_states.pt"]
    return made


def _key(part: str, **values: Any) -> Callable[[dict[str, Any]], None]:
    return lambda parts: parts[part].update(values)


LAST = "global_step1/bf16_zero_pp_rank_1_mp_rank_00_optim_states.pt"
ZERO: dict[str, tuple[Files, str]] = {
    "a missing rank": (zero(files={LAST: None}), "2 partitions belong together and those of 1 rank"),
    "a missing file of the model": (zero(files={"global_step1/zero_pp_rank_1_mp_rank_00_model_states.pt": None}), "2 ranks have partitions and 1 has files"),
    "no partitions": (zero(files={LAST: None, LAST.replace("rank_1", "rank_0"): None}), "no partition of full precision"),
    "another count": (zero(_key("optim", partition_count=3)), "3 partitions belong together and those of 2"),
    "a count that is text": (zero(_key("optim", partition_count="2")), "partitions belong together"),
    "partitions too short": (zero(_key("model", param_shapes=[{"a": size(400, 3)}])), "the parameters need 600 values"),
    "partitions too long": (zero(_key("model", param_shapes=[{"a": size(2)}])), "the parameters need 1 value a rank and the partitions hold 9"),
    "a huge shape": (zero(_key("model", param_shapes=[{"a": size(2**40, 2**40)}])), "give 'a' no shape"),
    "a name twice": (zero(_key("model", param_shapes=[{"a": size(4, 3)}, {"a": size(5)}])), "give 'a' no shape, or two"),
    "no shapes": (zero(_key("model", param_shapes=None)), "no shapes of parameters are stated"),
    "a partition that is no run": (zero(_key("other", fp32_flat_groups=[tensor("0", (3, 3))])), "of shape (3, 3), not a run of float32"),
    "a partition of integers": (zero(_key("other", fp32_flat_groups=[tensor("0", (9,), kind="IntStorage")])), "a partition is I32"),
    "a partition that is none": (zero(_key("other", fp32_flat_groups=[7])), "has no fp32_flat_groups"),
    "a partition outside its file": (zero(_key("other", fp32_flat_groups=[tensor("0", (9,), elements=900)])), "bytes of a storage that has 36"),
    "ranks of tensor parallelism too": (zero(files={"global_step1/mp_rank_01_model_states.pt": rank(0)}), "tensor or pipeline parallelism too"),
    "a file that is no dictionary": (zero(files={LAST: torch_file([1], {})}), "rank_1_mp_rank_00_optim_states.pt: this is a DeepSpeed"),
    "a cycle": (zero(files={LAST: torch_file(CYCLE, {})}), "rank_1_mp_rank_00_optim_states.pt has no fp32"),
    "a bomb": (zero(files={LAST: torch_file(BOMB, {})}), "dictionary, as a file of DeepSpeed"),
    "a cut file": (zero(files={LAST: zero()[LAST][:100]}), "rank_1"),
    "a frozen parameter that is not there": (zero(_key("model", frozen_param_shapes={"f": size(2)})), "the frozen parameter 'f' is not in"),
    "a frozen parameter too short": (zero(_key("model", frozen_param_shapes={"f": size(99)}, frozen_param_fragments={"f": tensor("0", (2,))})),
                                     "has 99 values and 4 are here"),
    "a link to nothing": (zero(files={LAST: Link("nothing")}), "no such file"),
    "a stage 2 of other groups": (two(_key("optim", single_partition_of_fp32_groups=[])), "1 group of parameters and 0 partitions"),
    "stage 2 too short": (two(_key("model", param_shapes=[{"a": size(400, 3)}])), "the partitions hold 18"),
    "stage 2 too long": (two(_key("model", param_shapes=[{"a": size(2)}])), "the parameters of a group need 2 values and its partitions hold 18"),
    "paddings that are none": (two(_key("optim", param_alignment_paddings=[["x", -1]])), "the paddings between parameters are no numbers"),
}  # fmt: skip


# Megatron-LM


def megatron_rank(tensors: Any, **args: Any) -> bytes:
    settings = {"num_layers": 1, "swiglu": True, "tensor_model_parallel_size": 2, "pipeline_model_parallel_size": 1} | args
    return torch_file({"args": Obj("argparse", "Namespace", (), settings), "model": tensors}, {"0": FLOATS})


def megatron(second: Any = None, files: Files | None = None, **args: Any) -> Files:
    """Two ranks of tensor parallelism with a column-parallel and a row-parallel matrix and a norm."""
    at = "iter_0000001/mp_rank_0{}/model_optim_rng.pt"
    made = {at.format(0): megatron_rank(TENSORS, **args), at.format(1): megatron_rank(second or TENSORS, **args)}
    return {name: data for name, data in (made | (files or {})).items() if data is not None}


_L = "decoder.layers.0."
TENSORS = {f"{_L}mlp.linear_fc1.weight": tensor("0", (4, 3)), f"{_L}mlp.linear_fc2.weight": tensor("0", (3, 2)),
           f"{_L}mlp.linear_fc1.layer_norm_weight": tensor("0", (3,))}  # fmt: skip
_AT = "iter_0000001/mp_rank_01/model_optim_rng.pt"
MEGATRON: dict[str, tuple[Files, str]] = {
    "a missing rank": (megatron(files={_AT: None}), "it is cut over 2 x 1 ranks and 1 x 1 are here"),
    "a rank left out": (megatron(files={_AT: None, _AT.replace("_01", "_02"): megatron_rank(TENSORS)}), "make no grid"),
    "a rank of experts": (megatron(files={_AT.replace("_01", "_01_000_001"): megatron_rank(TENSORS)}), "a rank of parallel experts too"),
    "an unknown tensor": (megatron(TENSORS | {"x.weight": tensor("0", (2, 2))}), "is not on every rank"),
    "a tensor that nobody knows": ({name: megatron_rank(TENSORS | {"x.weight": tensor("0", (2, 2))}) for name in megatron()}, "along which axis it is cut"),
    "another shape": (megatron(TENSORS | {f"{_L}mlp.linear_fc2.weight": tensor("0", (3, 1))}), "another shape or number type on another rank"),
    "another number type": (megatron(TENSORS | {f"{_L}mlp.linear_fc2.weight": tensor("0", (3, 2), kind="IntStorage")}), "number type on another rank"),
    "a gate of odd rows": ({name: megatron_rank(TENSORS | {f"{_L}mlp.linear_fc1.weight": tensor("0", (3, 3))}) for name in megatron()}, "an odd number of rows"),
    "other settings": (megatron(files={_AT: megatron_rank(TENSORS, swiglu=False)}), "mp_rank_01 has other settings"),
    "other sizes": (megatron(files={_AT: megatron_rank(TENSORS, tensor_model_parallel_size=4)}), "it is cut over 4 x 1 ranks"),
    "layers that are missing": (megatron(num_layers=9), "the stages hold 1 layer of 9"),
    "an interleaved pipeline": (megatron(files={_AT: torch_file({"model0": TENSORS, "model1": TENSORS}, {"0": FLOATS})}), "interleaved"),
    "no tensor": (megatron(files={_AT: torch_file({"model": {"x": 1}}, {})}), "no tensor of a model is in it"),
    "a cycle": (megatron(files={_AT: torch_file(CYCLE, {})}), "too deep or leads back to itself"),
    "a bomb": (megatron(files={_AT: torch_file(BOMB, {})}), "branches"),
    "a tensor outside its storage": (megatron(TENSORS | {f"{_L}mlp.linear_fc2.weight": tensor("0", (3, 2), at=90)}), "bytes of a storage that has 64"),
    "a huge shape": (megatron(TENSORS | {f"{_L}mlp.linear_fc2.weight": tensor("0", (2**40, 2**40), strides=(0, 0), elements=9)}), "a shape that overflows"),
    "a name twice": (megatron(Pairs((*TENSORS.items(), (f"{_L}mlp.linear_fc2.weight", tensor("0", (3, 2)))))), "is there twice"),
    "a cut file": (megatron(files={_AT: megatron_rank(TENSORS)[:100]}), "mp_rank_01"),
    "a link to nothing": (megatron(files={_AT: Link("nothing")}), "no such file"),
    "an empty file": (megatron(files={_AT: b""}), "mp_rank_01/model_optim_rng.pt"),
}  # fmt: skip


# NeMo

WEIGHTS = torch_file({"a.weight": tensor("0", (2, 3))}, {"0": FLOATS[:24]})


def member(name: str, data: bytes = WEIGHTS, **about: Any) -> bytes:
    """A member of a tar file: its header and data."""
    info = tarfile.TarInfo(name)
    info.size = len(data)
    for key, value in about.items():
        setattr(info, key, value)
    return info.tobuf(tarfile.GNU_FORMAT) + data.ljust(-(-len(data) // 512) * 512, b"\0")


def nemo(*members: bytes, end: bytes = bytes(1024)) -> Files:
    """An archive of these members."""
    return {"m.nemo": b"".join(members) + end}


def long_header(length: int) -> bytes:
    """A pax header that claims so many bytes."""
    info = tarfile.TarInfo("x")
    info.type, info.size = tarfile.XHDTYPE, length
    return info.tobuf(tarfile.USTAR_FORMAT)


def sparse() -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:", format=tarfile.PAX_FORMAT) as tar:
        info = tarfile.TarInfo("model_weights.ckpt")
        info.size, info.pax_headers = 0, {"GNU.sparse.map": "0,99999999", "GNU.sparse.size": "99999999"}
        tar.addfile(info)
    return out.getvalue()


GOOD = member("./model_weights.ckpt")
CONFIG = member("./model_config.yaml", b"a: 1\n")
NEMO: dict[str, tuple[Files, str]] = {
    "no tar file": ({"m.nemo": b"x" * 3000}, "cannot be listed as a tar file"),
    "nothing in it": (nemo(CONFIG), "holds no weights that are read"),
    "two sets": (nemo(GOOD, member("other.ckpt")), "holds 2 sets of weights"),
    "a file twice": (nemo(GOOD, GOOD), "holds 'model_weights.ckpt' twice"),
    "a name that leads out": (nemo(member("../model_weights.ckpt")), "names a file outside itself ('../model_weights.ckpt')"),
    "an absolute name": (nemo(member("/etc/x.ckpt")), "names a file outside itself ('/etc/x.ckpt')"),
    "a name with a line end": (nemo(member("a\nb.ckpt")), "outside itself ('a\\nb.ckpt')"),
    "a cut member": ({"m.nemo": (CONFIG + GOOD)[:1800]}, "places './model_weights.ckpt' where it cannot be"),
    "a size outside the file": (nemo(member("a.ckpt", size=2**40)), "places 'a.ckpt' where it cannot be"),
    "a sparse member": ({"m.nemo": sparse()}, "where it cannot be"),
    "a header without end": (nemo(long_header(2**32)), "headers that are too long or too many"),
    "a link for weights": (nemo(member("model_weights.ckpt", b"", type=tarfile.SYMTYPE, linkname="/etc/passwd")), "holds no weights"),
    "a hard link for weights": (nemo(member("model_weights.ckpt", b"", type=tarfile.LNKTYPE, linkname="x")), "no weights that are read"),
    "a device for weights": (nemo(member("model_weights.ckpt", b"", type=tarfile.CHRTYPE)), "the NeMo archive holds no weights"),
    "an archive within": (nemo(member("model_weights.ckpt", nemo(GOOD)["m.nemo"])), "model_weights.ckpt"),
    "weights that are none": (nemo(member("model_weights.ckpt", b"\x80\x02}.")), "no PyTorch file"),
    "metadata that leads out": (nemo(*(member(f"w/{n}", d) for n, d in dcp(_item(1, file="../m.ckpt")).items())), "'../m.ckpt'"),
    "ranks that are missing": (nemo(member("mp_rank_00/model_weights.ckpt", megatron_rank(TENSORS)), member("mp_rank_02/model_weights.ckpt", megatron_rank(TENSORS))),
                               "make no grid of tensor"),
}  # fmt: skip

DEFECTS = {"dcp": DCP, "shares": SHARES, "fsdp": FSDP, "zero": ZERO, "megatron": MEGATRON, "nemo": NEMO}
SOUND: dict[str, tuple[Files, int]] = {
    "dcp": (dcp(), 1), "shares": (shares(), 1), "fsdp": (fsdp(), 1), "zero": (zero(), 2), "zero of stage 2": (two(), 2), "megatron": (megatron(), 3),
    "nemo": (nemo(CONFIG, GOOD), 1),
}  # fmt: skip
"""Folders without a fault, and how many tensors they hold."""
