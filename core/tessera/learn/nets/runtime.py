"""What a network is run by, when nothing is learnt: OpenVINO on a CPU where it agrees with torch, else torch.

Conversion costs a second or two, so that small passes stay with torch. OpenVINO's converter of that name reports its
use to its makers over the network unless told otherwise; its front end, which is used here, does not.
"""

from __future__ import annotations

import logging
import warnings
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

logger = logging.getLogger(__name__)

WORTH_IMAGES = 2_000  # in a pass; below, conversion costs more than it saves
AGREE = 0.99  # least cosine with torch in float32 on the first tiles; bfloat16 gives .995 and more
_COMPARED = 32  # tiles

Images = npt.NDArray[np.uint8]
Vectors = npt.NDArray[np.float32]


class Runtime(Protocol):
    """Runs a network.

    Attributes:
        name: for the log and the recipe.
    """

    name: str

    def __call__(self, images: Images) -> Vectors:
        """Features float32 (B, D) of images uint8 (B, 3, H, W)."""


class TorchRuntime:
    """torch, in bfloat16 where the device is faster in it.

    Args:
        network: in evaluation mode, on the device.
        device: where.
        precision: see `tessera.learn.features.device.autocast`.
    """

    def __init__(self, network: nn.Module, device: torch.device, precision: str) -> None:
        self.name, self._network, self._device, self._precision = f"torch ({device.type})", network, device, precision

    def __call__(self, images: Images) -> Vectors:
        """Features of images."""
        from tessera.learn.features.device import autocast

        tensor = torch.from_numpy(images).to(self._device, non_blocking=True)
        with torch.inference_mode(), autocast(self._device, self._precision):
            features: torch.Tensor = self._network(tensor)
        found: Vectors = features.float().cpu().numpy()
        return found


class OpenVinoRuntime:
    """OpenVINO on the CPU, compiled for one shape; smaller batches are filled up.

    Args:
        network: in evaluation mode, on the CPU.
        shape: of a whole batch, (B, 3, H, W).
        precision: float32, or OpenVINO's own choice.
        threads: 0 takes one per core.

    Raises:
        RuntimeError, ImportError and others: it cannot be converted here.
    """

    name = "OpenVINO"

    def __init__(self, network: nn.Module, shape: tuple[int, int, int, int], precision: str, threads: int) -> None:
        import openvino

        settings: dict[str, Any] = {"PERFORMANCE_HINT": "LATENCY"}
        if precision != "auto":
            settings["INFERENCE_PRECISION_HINT"] = "f32" if precision == "float32" else "bf16"
        if threads:
            settings["INFERENCE_NUM_THREADS"] = threads
        model = _converted(network, shape)
        model.reshape(list(shape))
        self._compiled = openvino.Core().compile_model(model, "CPU", settings)
        self._size = shape[0]

    def __call__(self, images: Images) -> Vectors:
        """Features of images."""
        n = len(images)
        whole = np.ascontiguousarray(images)
        if n < self._size:
            whole = np.concatenate([whole, np.zeros((self._size - n, *whole.shape[1:]), np.uint8)])
        return np.array(self._compiled(whole)[0][:n], np.float32)


def _converted(network: nn.Module, shape: tuple[int, int, int, int]) -> Any:
    from openvino.frontend import FrontEndManager
    from openvino.frontend.pytorch.ts_decoder import TorchScriptPythonDecoder

    example = torch.zeros((2, *shape[1:]), dtype=torch.uint8)
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")  # tracing warns of every shape that becomes a constant, which it may here
        traced = torch.jit.trace(network, example, check_trace=False, strict=False)
        front = FrontEndManager().load_by_framework("pytorch")
        decoder = TorchScriptPythonDecoder(traced)  # which has to live until all is converted
        return front.convert(front.load(decoder))


def choose_runtime(
    network: nn.Module,
    first: Images,
    device: torch.device,
    *,
    precision: str = "auto",
    images: int = 0,
    batch_size: int = 0,
    threads: int = 0,
) -> Runtime:
    """The fastest way to run a network that gives what torch gives.

    Args:
        network: on the device; put into evaluation mode.
        first: images of the first batch, on which the two are compared, uint8 (B, 3, H, W).
        device: where it runs.
        precision: of the products.
        images: how many will be run, views counted singly.
        batch_size: of a whole batch; 0 takes that of `first`.
        threads: of OpenVINO.
    """
    network.eval()
    plain = TorchRuntime(network, device, precision)
    if device.type != "cpu" or images < WORTH_IMAGES or not len(first):
        return plain
    shape = (batch_size or len(first), first.shape[1], first.shape[2], first.shape[3])
    exact = TorchRuntime(network, device, "float32")(first[:_COMPARED])
    for products in dict.fromkeys((precision, "float32")):  # exact products are still faster than torch's quick ones
        try:
            fast = OpenVinoRuntime(network, shape, products, threads)
            agreement = _least_cosine(fast(first[:_COMPARED]), exact)
        except Exception as error:  # noqa: BLE001 - converters raise anything; torch serves, and the log says why
            logger.info("OpenVINO cannot run this network here (%s: %s): torch does", type(error).__name__, error)
            return plain
        if agreement >= AGREE:
            return fast
        logger.info("OpenVINO gives other features than torch (precision %s, cosine %.3f)", products, agreement)
    logger.warning("OpenVINO gives other features than torch (cosine %.3f): torch is used", agreement)
    return plain


def _least_cosine(one: Vectors, other: Vectors) -> float:
    lengths = np.linalg.norm(one, axis=1) * np.linalg.norm(other, axis=1)
    products = np.einsum("ij,ij->i", one, other)
    both_zero = (lengths == 0) & (np.abs(one).sum(axis=1) + np.abs(other).sum(axis=1) == 0)
    return float(np.where(both_zero, 1.0, products / np.maximum(lengths, 1e-12)).min())
