"""Where networks run, and what helps there."""

from __future__ import annotations

from contextlib import AbstractContextManager
from functools import cache
from pathlib import Path
from typing import TypeVar

import torch
from torch import nn

from tessera.errors import RunError

M = TypeVar("M", bound=nn.Module)

_MULTIPLIES_BFLOAT16 = {"avx512_bf16", "amx_bf16", "bf16"}  # as Linux names what a CPU can do; the last one is Arm's


def choose_device(wanted: str) -> torch.device:
    """The device of a run.

    Raises:
        RunError: it is not there.
    """
    if wanted == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    device = torch.device(wanted)
    if device.type == "cuda" and not torch.cuda.is_available():
        raise RunError(
            f"device={wanted}: this machine has no CUDA device that torch can use; `tessera doctor` says more"
        )
    return device


def makes_views(wanted: str, device: torch.device) -> bool:
    """Whether views of tiles are made on the device, by the setting `augment_on`."""
    return wanted == "device" or (wanted == "auto" and device.type == "cuda")


def place(module: M, device: torch.device) -> M:
    """Move a network to its device; convolutions run faster in channels-last order on CPUs and GPUs of today."""
    return module.to(device, memory_format=torch.channels_last)


def autocast(device: torch.device, precision: str = "auto") -> AbstractContextManager[None]:
    """Where networks run in bfloat16, by the setting `precision`: weights, losses and optimisers stay float32.

    Args:
        device: device of the network.
        precision: auto (bfloat16 where the device multiplies it faster than float32), float32 or bfloat16.
    """
    fast = device.type == "cuda" or (device.type == "cpu" and cpu_multiplies_bfloat16())
    enabled = precision == "bfloat16" or (precision == "auto" and fast)
    context: AbstractContextManager[None] = torch.autocast(device.type, torch.bfloat16, enabled=enabled)
    return context


@cache
def cpu_multiplies_bfloat16(cpuinfo: Path = Path("/proc/cpuinfo")) -> bool:
    """Whether this CPU has instructions for products of bfloat16; without them torch is slower in it than in float32.

    Args:
        cpuinfo: where Linux tells what a CPU can do; other systems have no such file, and are taken not to.
    """
    try:
        told = cpuinfo.read_text()
    except OSError:
        return False
    return not _MULTIPLIES_BFLOAT16.isdisjoint(told.split())
