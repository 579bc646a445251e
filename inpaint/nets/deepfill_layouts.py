"""The names that published DeepFill networks give their tensors -> those of `deepfill.DeepFill`."""

import re

import torch
import torch.nn.functional as F
from torch import Tensor

from .layout import State

# our layers in their order, 42 of them, and what others call them
OURS = [
    f"{chain}.{n}"
    for chain, count in (("coarse", 17), ("features", 10), ("matching", 6), ("attended", 2), ("decoder", 7))
    for n in range(count)
]


def _tensorflow() -> list[str]:
    kinds = {2: "_downsample", 4: "_downsample", **dict.fromkeys(range(7, 11), "_atrous")}
    kinds |= {13: "_upsample", 15: "_upsample"}
    spans = {"conv": range(1, 18), "xconv": range(1, 11), "pmconv": (1, 2, 3, 4, 5, 6, 9, 10)}
    spans["allconv"] = range(11, 18)
    atrous = range(7, 11)
    return [
        f"{prefix}{n}{'' if prefix == 'pmconv' and n in atrous else kinds.get(n, '')}"
        for prefix, span in spans.items()
        for n in span
    ]


def _openmmlab() -> list[str]:
    def many(prefix: str, numbers: range) -> list[str]:
        return [f"{prefix}{n}" for n in numbers]

    dilated = "dilation_neck.dilation_convs."
    coarse = many("encoder.enc", range(1, 7)) + many(dilated, range(4)) + many("decoder.dec", range(1, 8))
    refined = many("encoder_conv.enc", range(1, 7)) + many(dilated, range(4))
    refined += many("encoder_attention.enc", range(1, 7))
    refined += many("contextual_attention_neck.conv", range(1, 3)) + many("decoder.dec", range(1, 8))
    return [f"stage1.{name}" for name in coarse] + [f"stage2.{name}" for name in refined]


def _nipponjo() -> list[str]:
    def block(name: str, kind: str) -> list[str]:
        return [f"{name}.conv1_{kind}", f"{name}.conv2"]

    def encoder(prefix: str) -> list[str]:
        return [
            f"{prefix}conv1",
            *block(f"{prefix}down_block1", "downsample"),
            *block(f"{prefix}down_block2", "downsample"),
        ]

    ups = [*block("up_block1", "upsample"), *block("up_block2", "upsample"), "conv_to_rgb"]
    coarse = [*encoder(""), *(f"conv_bn{n}" for n in range(1, 8)), *ups]
    refined = [*encoder("conv_"), *(f"conv_conv_bn{n}" for n in range(1, 6))]
    refined += [*encoder("ca_"), "ca_conv_bn1", "ca_conv_bn4", "ca_conv_bn5", "conv_bn6", "conv_bn7", *ups]
    return [f"stage1.{name}" for name in coarse] + [f"stage2.{name}" for name in refined]


TENSORFLOW = dict(zip(_tensorflow(), OURS, strict=True))
OPENMMLAB = dict(zip(_openmmlab(), OURS, strict=True))
NIPPONJO = dict(zip(_nipponjo(), OURS, strict=True))
CSQIANGWEN = {
    "coarse": "coarse",
    "refine_conv": "features",
    "refine_atten_1": "matching",
    "refine_atten_2": "attended",
    "refine_combine": "decoder",
}
CONSTANT = re.compile(r"\.(fuse_weight|fuse_kernel)$")


def _rename(state: State, names: dict[str, str]) -> dict[str, Tensor]:
    """The tensors of the layers in `names`, whatever their convolutions are nested in, under our names."""
    renamed = {}
    for key, value in state.items():
        if CONSTANT.search(key):
            continue
        module, _, leaf = key.rpartition(".")
        name = names.get(re.sub(r"(\.conv)+$", "", module)) or names.get(module)
        renamed[f"{name}.conv.{leaf}" if name else key] = value
    return renamed


def from_tensorflow(state: State) -> dict[str, Tensor]:
    """The authors' variables, "inpaint_net/conv1/kernel", or conversions, "conv1.conv.weight"; also CR-Fill."""
    plain = {}
    for key, value in state.items():
        found = re.fullmatch(r"inpaint_net/(\w+?)(?:/\1_conv)?/(kernel|bias)", key)
        if found:
            kernel = found[2] == "kernel" and value.dim() == 4
            key = f"{found[1]}.{'weight' if kernel else found[2]}"
            value = value.permute(3, 2, 0, 1).contiguous() if kernel else value
        plain[re.sub(r"^(\w+_upsample)_conv\.", r"\1.", key)] = value
    return _rename(plain, TENSORFLOW)


def from_nipponjo(state: State) -> dict[str, Tensor]:
    """https://github.com/nipponjo/deepfillv2-pytorch, networks.py."""
    return _rename(state, NIPPONJO)


def from_openmmlab(state: State) -> dict[str, Tensor]:
    """https://github.com/open-mmlab/mmagic, DeepFill v1 and v2."""
    return _rename(state, OPENMMLAB)


def from_csqiangwen(state: State) -> dict[str, Tensor]:
    """https://github.com/csqiangwen/DeepFillv2_Pytorch: two convolutions a layer, some spectrally normed."""
    state = _fold(state)
    renamed = {}
    for key, value in state.items():
        found = re.fullmatch(r"(\w+)\.(\d+)\.(?:gated_conv2d\.)?(mask_)?conv2d\.(weight|bias)", key)
        head, _, leaf = key.rpartition("conv2d.")
        halves = [state.get(f"{head.removesuffix('mask_')}{half}conv2d.{leaf}") for half in ("", "mask_")]
        whole = all(half is not None and half.shape == value.shape for half in halves)
        if not found or found[1] not in CSQIANGWEN or not whole:
            renamed[key] = value
        elif not found[3]:
            renamed[f"{CSQIANGWEN[found[1]]}.{found[2]}.conv.{leaf}"] = torch.cat(halves)
    return renamed


def _fold(state: State) -> dict[str, Tensor]:
    """Weights divided by their spectral norm, after the power iteration that the reference makes on each run."""
    folded = {}
    for key, value in state.items():
        stem, _, leaf = key.rpartition(".module.")
        u = state.get(f"{stem}.module.weight_u")
        if not stem or u is None or f"{stem}.module.weight_bar" not in state:
            folded[key] = value
        elif leaf == "weight_bar":
            matrix = value.double().flatten(1)
            v = F.normalize(matrix.T @ u.double(), dim=0)
            folded[f"{stem}.weight"] = (value / (matrix @ v).norm()).to(value.dtype)
        elif leaf not in ("weight_u", "weight_v"):
            folded[f"{stem}.{leaf}"] = value
    return folded
