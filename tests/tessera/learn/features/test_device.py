"""Which products are made in which precision."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from tessera.learn.features.device import autocast, cpu_multiplies_bfloat16, place
from tessera.learn.nets.encoders import build_encoder

CPU = torch.device("cpu")


def test_bfloat16_changes_products_and_not_weights() -> None:
    encoder = place(build_encoder("tiny", weights="random", seed=0), CPU).eval()
    tiles = torch.from_numpy(np.random.default_rng(0).integers(0, 256, (4, 3, 32, 32), dtype=np.uint8))
    found = {}
    for precision in ("float32", "bfloat16"):
        with autocast(CPU, precision):
            found[precision] = encoder(tiles)
        found[precision].float().sum().backward()
    exact = encoder(tiles)
    assert torch.equal(found["float32"], exact)
    assert not torch.equal(found["bfloat16"].float(), exact)
    torch.testing.assert_close(found["bfloat16"].float(), exact, rtol=0.05, atol=0.01)
    assert {parameter.dtype for parameter in encoder.parameters()} == {torch.float32}
    assert {parameter.grad.dtype for parameter in encoder.parameters() if parameter.grad is not None} == {torch.float32}


@pytest.mark.parametrize(
    ("flags", "fast"),
    [("fpu avx2 avx512f", False), ("fpu avx512_bf16", True), ("amx_bf16 amx_tile", True), ("asimd bf16", True)],
)
def test_a_cpu_is_asked_for_bfloat16(tmp_path: Path, flags: str, fast: bool) -> None:
    told = tmp_path / "cpuinfo"
    told.write_text(f"processor : 0\nflags : {flags}\n\nprocessor : 1\nflags : {flags}\n")
    assert cpu_multiplies_bfloat16(told) is fast
    assert not cpu_multiplies_bfloat16(tmp_path / "none")


def test_auto_is_what_the_cpu_is_faster_in() -> None:
    a = torch.ones(2, 2)
    with autocast(CPU):
        assert (a @ a).dtype == (torch.bfloat16 if cpu_multiplies_bfloat16() else torch.float32)
