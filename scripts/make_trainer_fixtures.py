"""Write tests/data/trainers: one tiny model as the training systems themselves save it, over two and four processes.

Needs torch (2.13 when the files were made), and for the ZeRO files deepspeed (0.19.8), in an environment of its own:
    DS_ACCELERATOR=cpu python scripts/make_trainer_fixtures.py OUTPUT [WHAT ...]
Megatron-LM and NeMo are not installed: their files are written here after their published layout, with torch.save and tarfile.
`whole.safetensors` holds the values that every reader must give, bit for bit.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import shutil
import socket
import sys
import tarfile
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
import torch.multiprocessing as mp
from safetensors.torch import save_file
from torch import nn

SEED = 20261130
WIDTH, INNER, WORDS, LAYERS = 16, 24, 37, 2
CONFIG = {"model_type": "llama", "architectures": ["LlamaForCausalLM"], "hidden_size": WIDTH, "intermediate_size": INNER,
          "vocab_size": WORDS, "num_hidden_layers": LAYERS, "num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 4,
          "tie_word_embeddings": False}  # fmt: skip


def shapes() -> dict[str, tuple[int, ...]]:
    """Names and shapes of the model; 37 words do not divide by two."""
    found: dict[str, tuple[int, ...]] = {"model.embed_tokens.weight": (WORDS, WIDTH)}
    for layer in range(LAYERS):
        at = f"model.layers.{layer}"
        found |= {f"{at}.self_attn.q_proj.weight": (WIDTH, WIDTH), f"{at}.self_attn.k_proj.weight": (8, WIDTH),
                  f"{at}.self_attn.v_proj.weight": (8, WIDTH), f"{at}.self_attn.o_proj.weight": (WIDTH, WIDTH),
                  f"{at}.mlp.gate_proj.weight": (INNER, WIDTH), f"{at}.mlp.up_proj.weight": (INNER, WIDTH),
                  f"{at}.mlp.down_proj.weight": (WIDTH, INNER), f"{at}.input_layernorm.weight": (WIDTH,),
                  f"{at}.post_attention_layernorm.weight": (WIDTH,)}  # fmt: skip
    return found | {"model.norm.weight": (WIDTH,), "lm_head.weight": (WORDS, WIDTH)}


def values(dtype: torch.dtype = torch.float32) -> dict[str, torch.Tensor]:
    """The model's values, from SEED."""
    source = torch.Generator().manual_seed(SEED)
    return {name: torch.randn(shape, generator=source).to(dtype) for name, shape in shapes().items()}


class Model(nn.Module):
    """Modules that hold exactly these parameters, by name."""

    def __init__(self, tensors: dict[str, torch.Tensor]) -> None:
        super().__init__()
        for name, value in tensors.items():
            *path, last = name.split(".")
            home: nn.Module = self
            for part in path:
                if not hasattr(home, part):
                    home.add_module(part, nn.Module())
                home = getattr(home, part)
            home.register_parameter(last, nn.Parameter(value.clone()))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """A loss that every parameter has a part in."""
        return sum((p.float() * p.float()).sum() for p in self.parameters()) * x.float().sum()  # type: ignore[return-value]


def spawned(work: Any, ranks: int, *arguments: Any) -> None:
    """`work(rank, ranks, *arguments)` in that many processes with a gloo group."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    mp.spawn(_joined, args=(work, ranks, port, arguments), nprocs=ranks)


def _joined(rank: int, work: Any, ranks: int, port: int, arguments: tuple[Any, ...]) -> None:
    os.environ |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "RANK": str(rank), "WORLD_SIZE": str(ranks),
                   "LOCAL_RANK": str(rank)}  # fmt: skip
    torch.set_num_threads(1)
    dist.init_process_group("gloo", rank=rank, world_size=ranks)
    work(rank, ranks, *arguments)
    dist.barrier()
    dist.destroy_process_group()


def _placed(mesh: Any, tensor: torch.Tensor, axes: list[int | None]) -> Any:
    from torch.distributed.tensor import Replicate, Shard, distribute_tensor

    axes = [axis if axis is not None and axis < tensor.ndim else None for axis in axes]
    return distribute_tensor(tensor, mesh, [Replicate() if axis is None else Shard(axis) for axis in axes])


def dcp(rank: int, ranks: int, out: str, axes: list[list[int | None]], wrapped: bool, optimizer: bool) -> None:
    """torch.distributed.checkpoint: tensors cut in turn along several axes of a mesh."""
    import torch.distributed.checkpoint as dcp
    from torch.distributed.device_mesh import init_device_mesh

    mesh = init_device_mesh("cpu", (ranks,) if len(axes[0]) == 1 else (2, ranks // 2))
    cut = {n: _placed(mesh, v, axes[i % len(axes)]) for i, (n, v) in enumerate(values().items())}
    state: dict[str, Any] = {"model": cut} if wrapped else dict(cut)
    if optimizer:
        moments = {name: {"exp_avg": torch.zeros(3), "step": torch.tensor(1.0)} for name in list(cut)[:2]}
        state["optimizer"] = {"state": moments, "param_groups": [{"lr": 0.1}]}
        state["train_state"] = {"step": 7}
    dcp.save(state, checkpoint_id=out)


def fsdp1(rank: int, ranks: int, out: str) -> None:
    """FSDP (first kind): the sharded state dict as torch.save writes it on every rank, and by DCP."""
    import torch.distributed.checkpoint as dcp
    from torch.distributed.fsdp import FullyShardedDataParallel, ShardedStateDictConfig, StateDictType

    model = FullyShardedDataParallel(Model(values()), device_id=torch.device("cpu"), use_orig_params=True)
    config = ShardedStateDictConfig(_use_dtensor=False)
    with FullyShardedDataParallel.state_dict_type(model, StateDictType.SHARDED_STATE_DICT, config):
        state = model.state_dict()
        torch.save(state, Path(out) / f"model_world_size_{ranks}_rank_{rank}.pt")
        dcp.save({"model": state}, checkpoint_id=str(Path(out) / "pytorch_model_fsdp_0"))


def fsdp2(rank: int, ranks: int, out: str, mesh_shape: tuple[int, ...], tensor_parallel: bool) -> None:
    """FSDP2: fully_shard, and with it tensor parallelism; each rank's state dict of DTensors by torch.save."""
    from torch.distributed.device_mesh import init_device_mesh
    from torch.distributed.fsdp import fully_shard
    from torch.distributed.tensor import DTensor, Replicate, Shard, distribute_tensor

    if tensor_parallel:
        mesh = init_device_mesh("cpu", mesh_shape, mesh_dim_names=("dp", "tp"))
        model = Model(values())
        for name, module in model.named_modules():
            for key, parameter in list(module.named_parameters(recurse=False)):
                wide = name.endswith(("o_proj", "down_proj"))
                how = [Shard(1) if wide else Shard(0)] if parameter.ndim == 2 else [Replicate()]
                module.register_parameter(key, nn.Parameter(distribute_tensor(parameter.data, mesh["tp"], how)))
        fully_shard(model, mesh=mesh["dp"])
    else:
        mesh = init_device_mesh("cpu", mesh_shape)
        model = Model(values())
        fully_shard(model, mesh=mesh)
    state = model.state_dict()
    assert all(isinstance(value, DTensor) for value in state.values())
    torch.save(state, Path(out) / f"model_world_size_{ranks}_rank_{rank}.pt")


def zero(rank: int, ranks: int, out: str, stage: int) -> None:
    """DeepSpeed: one step with learning rate 0, then save_checkpoint."""
    import deepspeed

    sys.modules["deepspeed.comm.torch"].build_shm_op = lambda: None  # type: ignore[attr-defined]  # needs a compiler
    config = {"train_micro_batch_size_per_gpu": 1, "gradient_accumulation_steps": 1, "bf16": {"enabled": True},
              "zero_optimization": {"stage": stage, "stage3_param_persistence_threshold": 0},
              "zero_allow_untested_optimizer": True, "zero_force_ds_cpu_optimizer": False}  # fmt: skip
    model = Model(values(torch.bfloat16))
    groups = [{"params": [p for p in model.parameters() if p.ndim == 2], "weight_decay": 0.1},
              {"params": [p for p in model.parameters() if p.ndim == 1], "weight_decay": 0.0}]  # fmt: skip
    optimizer = torch.optim.SGD(groups, lr=0.0)
    engine, *_ = deepspeed.initialize(model=model, optimizer=optimizer, config=config, dist_init_required=False)
    engine.save_checkpoint(out, tag="global_step1")


def whole(out: Path, dtype: torch.dtype = torch.float32, name: str = "whole.safetensors") -> None:
    """The values that a reader must give."""
    save_file(values(dtype), out / name)


def megatron_tensors() -> dict[str, torch.Tensor]:
    """A model under the names of Megatron core (GPTModel), whole."""
    source = torch.Generator().manual_seed(SEED + 1)
    found = {"embedding.word_embeddings.weight": (40, WIDTH)}
    for layer in range(4):
        at = f"decoder.layers.{layer}"
        found |= {f"{at}.self_attention.linear_proj.weight": (WIDTH, WIDTH), f"{at}.self_attention.linear_qkv.weight": (32, WIDTH),
                  f"{at}.self_attention.linear_qkv.layer_norm_weight": (WIDTH,), f"{at}.self_attention.linear_qkv.bias": (32,),
                  f"{at}.mlp.linear_fc1.weight": (2 * INNER, WIDTH), f"{at}.mlp.linear_fc1.layer_norm_weight": (WIDTH,),
                  f"{at}.mlp.linear_fc2.weight": (WIDTH, INNER)}  # fmt: skip
    found |= {"decoder.final_layernorm.weight": (WIDTH,), "output_layer.weight": (40, WIDTH)}
    return {name: torch.randn(shape, generator=source) for name, shape in found.items()}


def megatron(out: Path, tensor: int, pipeline: int) -> None:
    """Files of Megatron-LM, by its published layout: iter_N/mp_rank_TT[_PPP]/model_optim_rng.pt (Megatron-LM is not installed)."""
    tensors = megatron_tensors()
    save_file(tensors, out.parent / "whole-megatron.safetensors")
    folder = out / "iter_0000100"
    (out / "latest_checkpointed_iteration.txt").write_text("100")
    for stage in range(pipeline):
        for rank in range(tensor):
            part = {n: v for n, v in (_megatron_part(n, v, rank, tensor, stage, pipeline) for n, v in tensors.items()) if n}
            place = folder / (f"mp_rank_{rank:02d}" + (f"_{stage:03d}" if pipeline > 1 else ""))
            place.mkdir(parents=True)
            args = argparse.Namespace(swiglu=True, num_layers=4, tensor_model_parallel_size=tensor,
                                      pipeline_model_parallel_size=pipeline)  # fmt: skip
            torch.save({"args": args, "checkpoint_version": 3.0, "iteration": 100, "model": part}, place / "model_optim_rng.pt")


def _megatron_part(
    name: str, value: torch.Tensor, rank: int, ranks: int, stage: int, stages: int
) -> tuple[str, torch.Tensor]:
    if name.startswith("decoder.layers."):
        layer, each = int(name.split(".")[2]), 4 // stages
        if layer // each != stage:
            return "", value
        name = name.replace(f"layers.{layer}.", f"layers.{layer % each}.")
    elif stage != (0 if name.startswith("embedding") else stages - 1):
        return "", value
    if name.endswith("linear_fc1.weight"):
        gate, up = value.chunk(2)
        return name, torch.cat([gate.chunk(ranks)[rank], up.chunk(ranks)[rank]])
    if name.endswith(("linear_proj.weight", "linear_fc2.weight")):
        return name, value.chunk(ranks, 1)[rank].clone()
    if name.endswith(("linear_qkv.weight", "linear_qkv.bias", "word_embeddings.weight", "output_layer.weight")):
        return name, value.chunk(ranks)[rank].clone()
    return name, value


def lightning(out: Path) -> None:
    """A .ckpt by Lightning's own Trainer, with the state of Adam in it."""
    import lightning

    class Wrapped(lightning.LightningModule):
        """The model as a module of Lightning holds it."""

        def __init__(self) -> None:
            super().__init__()
            self.model = Model(values())

        def training_step(self, batch: Any, number: int) -> Any:
            """A loss that every parameter has a part in."""
            return self.model(batch[0])

        def configure_optimizers(self) -> Any:
            """One that keeps state, to be left out."""
            return torch.optim.Adam(self.parameters(), lr=0.0)

    trainer = lightning.Trainer(accelerator="cpu", logger=False, enable_checkpointing=False, max_steps=1,
                                enable_progress_bar=False, enable_model_summary=False)  # fmt: skip
    trainer.fit(Wrapped(), torch.utils.data.DataLoader(torch.utils.data.TensorDataset(torch.ones(1, 1))))
    trainer.save_checkpoint(out / "epoch=0-step=1.ckpt")


def nemo(out: Path) -> None:
    """A .nemo archive by its published layout (a tar of model_config.yaml and model_weights.ckpt); NeMo is not installed."""
    buffer = io.BytesIO()
    torch.save({f"model.{name}": value for name, value in values().items()}, buffer)
    with tarfile.open(out / "model.nemo", "w:") as tar:
        for name, data in (("./model_config.yaml", b"target: GPT\nprecision: bf16\n"), ("./model_weights.ckpt", buffer.getvalue())):
            member = tarfile.TarInfo(name)
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))


def make(out: Path, wanted: list[str]) -> None:
    """Every fixture, or those that are named."""
    every: dict[str, Any] = {
        "dcp_rows": lambda p: spawned(dcp, 2, str(p), [[0]], True, True),
        "dcp_flat": lambda p: spawned(dcp, 2, str(p), [[0], [1], [None]], False, True),
        "dcp_mesh": lambda p: spawned(dcp, 4, str(p), [[0, 1], [0, 0], [1, None]], True, False),
        "fsdp1": lambda p: spawned(fsdp1, 2, str(p)),
        "fsdp2": lambda p: spawned(fsdp2, 2, str(p), (2,), False),
        "fsdp2_tp": lambda p: spawned(fsdp2, 4, str(p), (2, 2), True),
        **{f"zero{stage}": lambda p, stage=stage: spawned(zero, 2, str(p), stage) for stage in (1, 2, 3)},
        "megatron_tp": lambda p: megatron(p, 2, 1), "megatron_tp_pp": lambda p: megatron(p, 2, 2),
        "lightning": lightning, "nemo": nemo,
    }  # fmt: skip
    out.mkdir(parents=True, exist_ok=True)
    (out / "config.json").write_text(json.dumps(CONFIG))
    whole(out)
    whole(out, torch.bfloat16, "whole-bf16.safetensors")
    for name in wanted or every:
        place = out / name
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir()
        every[name](place)
        for script in place.glob("zero_to_*.py"):  # DeepSpeed's own converters
            script.unlink()


if __name__ == "__main__":
    make(Path(sys.argv[1]), sys.argv[2:])
