"""Where networks run, and what helps there."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import TypeVar

import torch
from torch import nn

from core.errors import RunError

M = TypeVar("M", bound=nn.Module)


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


def autocast(device: torch.device) -> AbstractContextManager[None]:
    """bfloat16 on a GPU; float32 on a CPU, where most have no fast bfloat16."""
    context: AbstractContextManager[None] = torch.autocast(device.type, torch.bfloat16, enabled=device.type == "cuda")
    return context
