"""Small matrices quantised by the libraries that define each layout, and the numbers those libraries read back.

    python scripts/make_layout_fixtures.py [--out tests/data/layouts] [--only WORD] [--sparse-from FOLDER]

Not run by any test: it needs torch, mlx (with its CPU back end), torchao, optimum-quanto, compressed-tensors, hqq and
nvidia-modelopt. Each
fixture is NAME.safetensors (what the library stores, under the names it uses in checkpoints) and a row of index.json
(configuration, library and version); NAME.values.safetensors holds the matrix that the library makes of it. --sparse-from: a
folder with compressed-tensors 0.12, the last line with sparse layouts. A library that is missing is said and passed over; its
fixtures stay as they are.
"""

from __future__ import annotations

import argparse
import importlib
import json
import sys
from collections.abc import Callable, Iterator
from importlib.metadata import version
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple

import torch
from safetensors.torch import save_file

MODULE = "model.layers.0.mlp.up_proj"
CONFIG = {"model_type": "llama", "hidden_size": 128, "intermediate_size": 32, "num_hidden_layers": 1, "num_attention_heads": 4,
          "num_key_value_heads": 2, "vocab_size": 16}  # fmt: skip
Tensors = dict[str, torch.Tensor]


class Made(NamedTuple):
    """What a library stores, the matrix it makes of that, the part of the configuration it writes, and the header's metadata."""

    name: str
    stored: Tensors
    values: torch.Tensor
    config: dict[str, Any]
    metadata: dict[str, str] | None = None


def weight() -> torch.Tensor:
    """The matrix, (32, 128): rows of different sizes, a few outliers."""
    generator = torch.Generator().manual_seed(20251101)
    values = torch.randn(32, 128, generator=generator) * torch.linspace(0.01, 0.05, 32)[:, None]
    values[3, 7] = 0.6
    return values


def mlx() -> Iterator[Made]:
    """Whole numbers of every width, and the modes of small floats."""
    import mlx.core as mx
    import numpy as np

    array = mx.array(weight().numpy())
    modes = [("affine", bits, group) for bits in (2, 3, 4, 5, 6, 8) for group in (32, 64)]
    for mode, bits, group in [*modes, ("mxfp4", 4, 32), ("mxfp8", 8, 32), ("nvfp4", 4, 16)]:
        parts = mx.quantize(array, group_size=group, bits=bits, mode=mode)
        back = mx.dequantize(*parts, group_size=group, bits=bits, mode=mode)
        names = ("weight", "scales", "biases")[: len(parts)]
        stored = {f"{MODULE}.{n}": torch.from_numpy(np.array(p)) for n, p in zip(names, parts, strict=True)}
        settings = {"group_size": group, "bits": bits} | ({} if mode == "affine" else {"mode": mode})
        values = torch.from_numpy(np.array(back.astype(mx.float32)))
        yield Made(f"mlx-{mode}-{bits}-{group}", stored, values, {"quantization": settings})


def torchao() -> Iterator[Made]:
    """The configurations that this library quantises with on a CPU, and two four-bit tensors put together by hand."""
    import torchao.quantization as q
    from torch import nn
    from torchao.prototype.mx_formats.mx_tensor import MXTensor
    from torchao.prototype.mx_formats.nvfp4_tensor import NVFP4Tensor, per_tensor_amax_to_scale
    from torchao.prototype.safetensors.safetensors_support import flatten_tensor_state_dict

    def made(name: str, tensor: torch.Tensor) -> Made:
        stored, metadata = flatten_tensor_state_dict({f"{MODULE}.weight": tensor})
        settings = {"quantization_config": {"quant_method": "torchao"}}
        return Made(f"torchao-{name}", stored, tensor.dequantize().float(), settings, metadata)

    configs = {
        "int8": q.Int8WeightOnlyConfig(version=2),
        "int4-in-bytes": q.IntxWeightOnlyConfig(weight_dtype=torch.int4, granularity=q.PerGroup(32)),
        "int4-activations": q.Int8DynamicActivationIntxWeightConfig(weight_dtype=torch.int4),
        "float8": q.Float8WeightOnlyConfig(),
    }
    for name, config in configs.items():
        model = nn.Sequential(nn.Linear(128, 32, bias=False))
        model[0].weight = nn.Parameter(weight())
        q.quantize_(model, config)
        yield made(name, model[0].weight)
    yield made("mxfp8", MXTensor.to_mx(weight(), torch.float8_e4m3fn, 32))
    yield made("mxfp4", MXTensor.to_mx(weight(), torch.float4_e2m1fn_x2, 32))
    scale = per_tensor_amax_to_scale(weight().abs().max())
    yield made("nvfp4", NVFP4Tensor.to_nvfp4(weight(), per_tensor_scale=scale))


def quanto() -> Iterator[Made]:
    """Weights alone, in every width it has."""
    from optimum.quanto import freeze, qfloat8, qint2, qint4, qint8, quantize
    from optimum.quanto.library.extensions import cpp
    from torch import nn

    def unpack(packed: torch.Tensor, bits: int) -> torch.Tensor:
        """As library/unpack.py says; the usual way is compiled for minutes first."""
        return torch.cat([packed >> bits * place & 2**bits - 1 for place in range(8 // bits)])

    cpp.ext._lib = SimpleNamespace(unpack=unpack)
    for name, kind in (("int8", qint8), ("int4", qint4), ("int2", qint2), ("float8", qfloat8)):
        model = nn.Sequential(nn.Linear(128, 32, bias=False))
        model[0].weight = nn.Parameter(weight())
        quantize(model, weights=kind)
        freeze(model)
        stored = {f"{MODULE}.{n.removeprefix('0.')}": v for n, v in model.state_dict().items()}
        settings = {"quantization_config": {"quant_method": "quanto", "weights": name}}
        yield Made(f"quanto-{name}", stored, model[0].weight.dequantize().detach().float(), settings)


def hqq() -> Iterator[Made]:
    """Every packing, groups along both axes."""
    from hqq.core.quantize import BaseQuantizeConfig, HQQLinear
    from torch import nn

    for bits, group, axis in ((8, 64, 1), (4, 64, 1), (4, 64, 0), (3, 64, 1), (2, 32, 1), (1, 32, 1)):
        layer = nn.Linear(128, 32, bias=False)
        layer.weight = nn.Parameter(weight())
        config = BaseQuantizeConfig(nbits=bits, group_size=group, axis=axis)
        made = HQQLinear(layer, config, compute_dtype=torch.float32, device="cpu")
        made.encoded_state_dict = True
        stored = {f"{MODULE}.{n}": v.detach() for n, v in made.state_dict().items() if v is not None}
        settings = {"quantization_config": {"quant_method": "hqq"}}
        yield Made(f"hqq-{bits}-{group}-axis{axis}", stored, made.dequantize().detach().float(), settings)


def compressed_tensors() -> Iterator[Made]:
    """One matrix under each of its dense schemes."""
    from compressed_tensors.compressors.base import BaseCompressor
    from compressed_tensors.quantization import QuantizationArgs, QuantizationScheme
    from compressed_tensors.quantization.utils.helpers import calculate_qparams, generate_gparam

    whole = {"num_bits": 4, "type": "int", "strategy": "group", "group_size": 32}
    small = {"num_bits": 8, "type": "float", "symmetric": True}
    schemes: dict[str, tuple[str, dict[str, Any]]] = {
        "int4": ("pack-quantized", {**whole, "symmetric": True}),
        "int4-zero-points": ("pack-quantized", {**whole, "symmetric": False}),
        "int8": ("pack-quantized", {**whole, "num_bits": 8, "symmetric": True}),
        "int8-plain": ("int-quantized", {"num_bits": 8, "type": "int", "strategy": "channel", "symmetric": True}),
        "float8": ("float-quantized", {**small, "strategy": "channel"}),
        "float8-blocks": ("float-quantized", {**small, "strategy": "block", "block_structure": [16, 64]}),
        "mxfp8": ("mxfp8-quantized", {**small, "strategy": "group", "group_size": 32, "scale_dtype": torch.uint8}),
        "mxfp4": ("mxfp4-pack-quantized", {"num_bits": 4, "type": "float", "strategy": "group", "group_size": 32,
                                           "scale_dtype": torch.uint8}),
        "nvfp4": ("nvfp4-pack-quantized", {"num_bits": 4, "type": "float", "strategy": "tensor_group", "group_size": 16,
                                           "scale_dtype": torch.float8_e4m3fn}),
    }  # fmt: skip
    for name, (form, options) in schemes.items():
        arguments = QuantizationArgs(**options)
        scheme = QuantizationScheme(targets=["Linear"], weights=arguments)
        low, high = _extremes(weight(), options)
        state = {"weight": weight()}
        if name == "nvfp4":
            state["weight_global_scale"] = generate_gparam(weight().min(), weight().max())
        scale, zero = calculate_qparams(low, high, arguments, global_scale=state.get("weight_global_scale"))
        state |= {"weight_scale": scale, "weight_zero_point": zero}
        compressor = BaseCompressor.get_value_from_registry(form)
        stored = compressor.compress(state, scheme)
        values = compressor.decompress(dict(stored), scheme)["weight"].float()
        settings = {"quantization_config": {"quant_method": "compressed-tensors", "format": form}}
        yield Made(f"compressed-tensors-{name}", {f"{MODULE}.{n}": v for n, v in stored.items()}, values, settings)


def modelopt() -> Iterator[Made]:
    """Whole numbers with and without factors of inputs, and small floats, as ModelOpt's export of a checkpoint stores them."""
    import modelopt.torch.quantization as quantization
    from modelopt.torch.export import quant_utils
    from modelopt.torch.quantization.qtensor import MXFP8QTensor, NVFP4QTensor

    for name, algorithm in (("INT4_AWQ", "W4A16_AWQ"), ("W4A8_AWQ_BETA", "W4A8_AWQ"), ("INT4_BLOCKWISE_WEIGHT_ONLY", "W4A16"),
                            ("INT8_SMOOTHQUANT", "W8A8_SQ_PER_CHANNEL"), ("FP8_DEFAULT", "FP8"),
                            ("FP8_2D_BLOCKWISE_WEIGHT_ONLY", "FP8_PB_WO"), ("NVFP4_DEFAULT", "NVFP4"),
                            ("MXFP8_DEFAULT", "MXFP8")):  # fmt: skip
        torch.manual_seed(20251130)
        model = torch.nn.Sequential(torch.nn.Linear(128, 32, bias=False))
        model[0].weight.data.copy_(weight())
        inputs = torch.randn(4, 128) * torch.linspace(0.1, 3.0, 128)
        module = quantization.quantize(model, getattr(quantization, f"{name}_CFG"), lambda m, x=inputs: m(x))[0]
        kind, block = quant_utils.get_quantization_format(module), quant_utils.get_weight_block_size(module)
        scale, second = quant_utils.get_weight_scaling_factor(module), quant_utils.get_weight_scaling_factor_2(module)
        packed = quant_utils.to_quantized_weight(module.weight.detach(), scale, kind, second, block)
        if kind == "nvfp4":
            tensor = NVFP4QTensor(module.weight.shape, torch.float32, packed)
            values = tensor.dequantize(dtype=torch.float32, scale=scale.float(), double_scale=second, block_sizes={-1: 16})
        elif kind == "mxfp8":
            values = MXFP8QTensor(module.weight.shape, torch.float32, packed).dequantize(dtype=torch.float32, scale=scale)
        else:
            values = module.weight_quantizer(module.weight)
        factors = quant_utils.get_prequant_scaling_factor(module)
        parts = {"weight": packed, "weight_scale": scale, "weight_scale_2": second, "pre_quant_scale": factors}
        stored = {f"{MODULE}.{part}": value for part, value in parts.items() if value is not None}
        stated = {"quantization_config": {"quant_method": "modelopt", "quant_algo": algorithm}}
        yield Made(f"modelopt-{name.lower().replace('_', '-')}", stored, values if factors is None else values * factors, stated)


def _extremes(values: torch.Tensor, options: dict[str, Any]) -> tuple[torch.Tensor, torch.Tensor]:
    if options["strategy"] == "block":
        down, across = options["block_structure"]
        grouped = (
            values.reshape(32 // down, down, 128 // across, across).amin((1, 3)),
            values.reshape(32 // down, down, 128 // across, across).amax((1, 3)),
        )
        return grouped
    grouped_rows = values.reshape(32, -1, options.get("group_size", 128))
    return grouped_rows.amin(-1), grouped_rows.amax(-1)


def sparse(folder: Path) -> Iterator[Made]:
    """Two of every four, and a matrix with holes anywhere."""
    sys.path.insert(0, str(folder))
    for name in [n for n in sys.modules if n.partition(".")[0] == "compressed_tensors"]:
        del sys.modules[name]
    module = importlib.import_module("compressed_tensors.compressors.sparse_compressors.sparse_24_bitmask")
    other = importlib.import_module("compressed_tensors.compressors.sparse_compressors.sparse_bitmask")
    kept = weight().abs().reshape(32, 32, 4).argsort(dim=-1).argsort(dim=-1).reshape(32, 128) >= 2
    for name, compressed, mask in (
        ("24", module.Sparse24BitMaskTensor, kept),
        ("anywhere", other.BitmaskTensor, weight().abs() > 0.01),
    ):
        dense = weight() * mask
        made = compressed.from_dense(dense)
        stored = made.dict(name_prefix=f"{MODULE}.weight", device="cpu")
        yield Made(f"sparse-{name}", stored, dense, {"quantization_config": {"quant_method": "compressed-tensors"}})


def main(arguments: list[str]) -> int:
    """Write what the libraries that are here write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("tests/data/layouts"))
    parser.add_argument("--only", default="")
    parser.add_argument("--sparse-from", type=Path)
    options = parser.parse_args(arguments)
    options.out.mkdir(parents=True, exist_ok=True)
    index_path = options.out / "index.json"
    index = json.loads(index_path.read_text("utf-8")) if index_path.exists() else {}
    makers: dict[str, Callable[[], Iterator[Made]]] = {
        "mlx": mlx, "torchao": torchao, "optimum-quanto": quanto, "hqq": hqq, "compressed-tensors": compressed_tensors,
        "nvidia-modelopt": modelopt,
    }  # fmt: skip
    if options.sparse_from:
        makers["compressed-tensors 0.12"] = lambda: sparse(options.sparse_from)
    for library, maker in makers.items():
        if options.only not in library:
            continue
        try:
            for made in maker():
                _write(options.out, made)
                release = "" if " " in library else f" {version(library)}"
                index[made.name] = {"config": {**CONFIG, **made.config}, "source": f"{library}{release}"}
        except ImportError as error:
            print(f"{library}: not here ({error})", file=sys.stderr)
    index_path.write_text(json.dumps(dict(sorted(index.items())), indent=1) + "\n", "utf-8")
    print(f"{len(index)} fixtures in {options.out}")
    return 0


def _write(out: Path, made: Made) -> None:
    stored = {name: value.detach().contiguous().clone() for name, value in made.stored.items()}
    save_file(stored, out / f"{made.name}.safetensors", metadata=made.metadata)
    save_file({f"{MODULE}.weight": made.values.detach().contiguous().clone()}, out / f"{made.name}.values.safetensors")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
