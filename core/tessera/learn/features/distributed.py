"""Several processes on one run: each takes its share of every batch and of every pass; the first one writes.

`torchrun --nproc-per-node N -m tessera run ...` starts them on one machine. They share the run's folder, so that the
bank is one file in which each rank writes the rows of its own tiles. Gradients are added up over the ranks, batch
normalisation takes its statistics over all of them, and the loss is that of the whole batch: N ranks learn what one
would.
"""

from __future__ import annotations

import datetime
import os
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
import torch
from torch import distributed, nn

_WAIT = datetime.timedelta(days=30)  # a paused run waits in a collective
T = TypeVar("T")
N = TypeVar("N", bound=nn.Module)


class Ranks:
    """This process among those of its run. One process alone needs no group, and nothing below costs it anything.

    Args:
        rank: 0 writes ledger, checkpoints and clusterings.
        world: number of processes.
        local: number on this machine, which chooses the GPU.
    """

    def __init__(self, rank: int = 0, world: int = 1, local: int = 0) -> None:
        self.rank, self.world, self.local = rank, world, local

    @classmethod
    def of(cls, environment: Mapping[str, str]) -> Ranks:
        """Join the group that torchrun's variables speak of; alone without them."""
        world = int(environment.get("WORLD_SIZE", "1"))
        if world == 1 or "RANK" not in environment:
            return cls()
        local = int(environment.get("LOCAL_RANK", "0"))
        on_gpu = torch.cuda.is_available()
        if on_gpu:
            torch.cuda.set_device(local)
        if not distributed.is_initialized():
            distributed.init_process_group("cpu:gloo,cuda:nccl" if on_gpu else "gloo", timeout=_WAIT)
        return cls(int(environment["RANK"]), world, local)

    @property
    def first(self) -> bool:
        """Whether this process writes."""
        return self.rank == 0

    def leave(self) -> None:
        """Leave the group, after which nothing can be shared."""
        if self.world > 1 and distributed.is_initialized():
            distributed.destroy_process_group()

    def device(self, wanted: torch.device) -> torch.device:
        """Each rank's own GPU where the run is on GPUs."""
        return torch.device("cuda", self.local) if self.world > 1 and wanted.type == "cuda" else wanted

    def threads(self, wanted: int) -> int:
        """Loader threads of this rank: its share of the cores unless the run says how many."""
        return wanted or max(1, len(os.sched_getaffinity(0)) // self.world)

    def share(self, n: int) -> slice:
        """This rank's rows of n, one run of them."""
        return slice(n * self.rank // self.world, n * (self.rank + 1) // self.world)

    def wait(self) -> None:
        """Until all are here."""
        if self.world > 1:
            distributed.barrier()

    def tell(self, value: T) -> T:
        """What the first rank says; any small object."""
        if self.world == 1:
            return value
        box = [value]
        distributed.broadcast_object_list(box, src=0)
        return box[0]

    def gather(self, value: T) -> list[T]:
        """What every rank says, in order; any small object."""
        if self.world == 1:
            return [value]
        box: list[Any] = [None] * self.world
        distributed.all_gather_object(box, value)
        return box

    def total(self, tensor: torch.Tensor) -> torch.Tensor:
        """Sum over all ranks, without gradients."""
        if self.world > 1:
            tensor = tensor.clone()
            distributed.all_reduce(tensor)
        return tensor

    def total_array(self, array: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Sum over all ranks of an array that has the same shape on each."""
        if self.world == 1:
            return array
        return self.total(torch.from_numpy(np.ascontiguousarray(array))).numpy()

    def gather_rows(self, mine: torch.Tensor) -> tuple[torch.Tensor, int]:
        """Rows of all ranks, (M, d), that gradients flow through to whoever they came from, and where one's own begin.

        Ranks may hold unequal numbers.
        """
        if self.world == 1:
            return mine, 0
        lengths = self.gather(len(mine))
        start = sum(lengths[: self.rank])
        padded = nn.functional.pad(mine, (0, 0, start, sum(lengths) - start - len(mine)))
        return _sum(padded), start

    def any(self, mine: bool) -> bool:
        """Whether it is so on any rank."""
        return mine if self.world == 1 else bool(self.total(torch.tensor(int(mine))) > 0)

    def least(self, mine: int) -> int:
        """The smallest number of all ranks."""
        return mine if self.world == 1 else min(self.gather(mine))

    def add_gradients(self, parameters: Iterable[nn.Parameter]) -> None:
        """Sum of the gradients over all ranks, in one message."""
        if self.world == 1:
            return
        gradients = [parameter.grad for parameter in parameters if parameter.grad is not None]
        flat = torch.cat([gradient.flatten() for gradient in gradients])
        distributed.all_reduce(flat)
        for gradient, summed in zip(gradients, flat.split([gradient.numel() for gradient in gradients]), strict=True):
            gradient.copy_(summed.view_as(gradient))

    def synced(self, module: N) -> N:
        """The module with batch normalisation over all ranks; names in its state_dict stay."""
        if self.world == 1:
            return module
        for name, child in module.named_children():
            setattr(module, name, _SyncedBatchNorm.of(child) if _is_batch_norm(child) else self.synced(child))
        return module


def open_together(ranks: Ranks, open_file: Callable[[], T]) -> T:
    """Open a shared file that the first rank creates when it is not there."""
    if ranks.first:
        opened = open_file()
        ranks.wait()
        return opened
    ranks.wait()
    return open_file()


def _is_batch_norm(module: nn.Module) -> bool:
    """Torch's own kinds; a subclass that does more (timm has some) keeps to the tiles of its rank."""
    return type(module) in (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)


class _Sum(torch.autograd.Function):
    """Sum over all ranks that gradients flow through."""

    @staticmethod
    def forward(_: Any, mine: torch.Tensor) -> torch.Tensor:
        whole = mine.clone()
        distributed.all_reduce(whole)
        return whole

    @staticmethod
    def backward(_: Any, gradient: torch.Tensor) -> torch.Tensor:
        whole = gradient.clone()
        distributed.all_reduce(whole)
        return whole


def _sum(mine: torch.Tensor) -> torch.Tensor:
    whole: torch.Tensor = _Sum.apply(mine)
    return whole


class _SyncedBatchNorm(nn.modules.batchnorm._BatchNorm):
    """Batch normalisation over the batches of all ranks; unlike torch's own it runs on CPUs too."""

    @classmethod
    def of(cls, norm: nn.modules.batchnorm._BatchNorm) -> _SyncedBatchNorm:
        """A twin that shares parameters and buffers."""
        twin = cls(norm.num_features, norm.eps, norm.momentum, norm.affine, norm.track_running_stats)
        twin.weight, twin.bias = norm.weight, norm.bias
        twin.running_mean, twin.running_var = norm.running_mean, norm.running_var
        twin.num_batches_tracked = norm.num_batches_tracked
        twin.training = norm.training
        return twin

    def _check_input_dim(self, input: torch.Tensor) -> None:
        pass  # (B, C) and (B, C, H, W) alike

    def forward(self, input: torch.Tensor) -> torch.Tensor:
        """Normalise by the moments of all ranks when training."""
        if not self.training:
            return super().forward(input)
        dims = [0, *range(2, input.dim())]
        shape = [1, -1, *[1] * (input.dim() - 2)]
        values = input.float()
        count = torch.tensor(float(values.numel() // values.shape[1]), device=values.device)
        distributed.all_reduce(count)
        mean = _sum(values.sum(dims)) / count
        centred = values - mean.view(shape)
        variance = _sum(centred.square().sum(dims)) / count
        self._follow(mean.detach(), variance.detach() * (count / (count - 1).clamp(min=1)))
        out = centred * (variance + self.eps).rsqrt().view(shape)
        if self.affine:
            out = out * self.weight.view(shape) + self.bias.view(shape)
        return out.to(input.dtype)

    def _follow(self, mean: torch.Tensor, variance: torch.Tensor) -> None:
        """Let the running moments follow."""
        if self.running_mean is None or self.running_var is None or self.num_batches_tracked is None:
            return
        self.num_batches_tracked += 1
        factor = 1 / float(self.num_batches_tracked) if self.momentum is None else self.momentum
        self.running_mean.lerp_(mean, factor)
        self.running_var.lerp_(variance, factor)
