"""What is read of a network: layers, views, own statistics, surroundings; kept features; the runtimes' agreement."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import simplejpeg
import torch
from tessera.errors import ConfigError, RunError
from tessera.learn.features.adapt import adapt_statistics
from tessera.learn.features.context import neighbours
from tessera.learn.features.extract import Bank, extract, turned
from tessera.learn.features.kept import Kept
from tessera.learn.features.layers import read_layers, stage_strides
from tessera.learn.features.reading import Pass, Reading, read_bank
from tessera.learn.nets import runtime
from tessera.learn.nets.encoders import Encoder, build_encoder
from tessera.learn.nets.runtime import OpenVinoRuntime, TorchRuntime, choose_runtime
from tessera.tiles.augment.view import turn
from tessera.tiles.loader import TileLoader
from tessera.tiles.store import TileIndex
from torch import nn

CPU = torch.device("cpu")


class Tiles:
    """JPEGs by number; `broken` ones do not decode."""

    def __init__(self, n: int = 24, px: int = 48, broken: tuple[int, ...] = (), same: bool = False) -> None:
        rng = np.random.default_rng(0)
        base = rng.integers(60, 200, (n, 1, 1, 3))
        images = np.clip(base + rng.normal(0, 25, (n, px, px, 3)), 0, 255).astype(np.uint8)
        images = np.repeat(images[:1], n, axis=0) if same else images
        self.jpegs = [b"no" if i in broken else simplejpeg.encode_jpeg(image) for i, image in enumerate(images)]
        self.asked = 0

    def batch(self, ids: npt.NDArray[np.int64]) -> list[bytes]:
        self.asked += len(ids)
        return [self.jpegs[i] for i in ids]


def tiny() -> Encoder:
    return build_encoder("tiny", weights="random", seed=1).eval()


def images(n: int = 6, px: int = 48) -> npt.NDArray[np.uint8]:
    return np.random.default_rng(2).integers(0, 256, (n, 3, px, px), dtype=np.uint8)


def test_middle_layers_are_means_of_the_maps_at_their_strides() -> None:
    lite0 = build_encoder("tf_efficientnet_lite0", weights="random", seed=0).eval()
    assert stage_strides(lite0.backbone) == [2, 4, 8, 16, 32]
    network, tensor = read_layers(lite0).eval(), torch.from_numpy(images(2, 64))
    with torch.inference_mode():
        found = network(tensor)
        at = lite0.front(tensor)
        maps = []
        for module in (lite0.backbone.conv_stem, lite0.backbone.bn1, *lite0.backbone.blocks[:5]):
            at = module(at)
            maps.append(at)
    expected = torch.cat([maps[4].mean((2, 3)), maps[6].mean((2, 3))], 1)
    assert maps[4].shape[-1] == 8
    assert maps[6].shape[-1] == 4
    torch.testing.assert_close(found, expected)
    assert network.dim == 152 == found.shape[1]


def test_spread_names_and_strides_can_be_asked_for() -> None:
    encoder, tensor = tiny(), torch.from_numpy(images())
    with torch.inference_mode():
        maps = encoder.backbone[1](encoder.backbone[0](encoder.front(tensor)))
        both = read_layers(encoder, "4", "mean-and-spread")(tensor)
    torch.testing.assert_close(both[:, :32], maps.mean((2, 3)))
    torch.testing.assert_close(both[:, 32:], maps.flatten(2).std(2, correction=0), atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(read_layers(encoder, "1.2")(tensor), both[:, :32])
    assert read_layers(encoder, "last") is encoder
    assert read_layers(encoder, "2,8").dim == 48
    with pytest.raises(ConfigError, match="has strides 2, 4, 8"):
        read_layers(encoder, "16")
    with pytest.raises(ConfigError, match="has no module stage9"):
        read_layers(encoder, "stage9")


def test_a_transformer_is_read_at_its_end_unless_a_block_is_named() -> None:
    vit = build_encoder("vit_tiny_patch16_224", weights="random", seed=0).eval()
    assert read_layers(vit) is vit
    assert read_layers(vit, "blocks.5").dim == 192


@pytest.mark.parametrize("symmetry", range(8))
def test_turned_batches_are_turned_tiles(symmetry: int) -> None:
    batch = images(3)
    expected = [turn(tile.transpose(1, 2, 0), symmetry).transpose(2, 0, 1) for tile in batch]
    np.testing.assert_array_equal(turned(batch, symmetry), expected)


def test_views_are_averaged_and_decoded_once() -> None:
    tiles, encoder = Tiles(), tiny()
    loader = TileLoader(tiles, 48, 1)
    ids = np.arange(24)
    ((_, eight),) = extract(encoder, loader, ids, batch_size=24, device=CPU, precision="float32", views=8)
    assert tiles.asked == 24
    mirrored = Tiles()
    mirrored.jpegs = [
        simplejpeg.encode_jpeg(np.ascontiguousarray(simplejpeg.decode_jpeg(jpeg)[:, ::-1]), quality=100)
        for jpeg in tiles.jpegs
    ]
    ((_, other),) = extract(
        encoder, TileLoader(mirrored, 48, 1), ids, batch_size=24, device=CPU, precision="float32", views=8
    )
    ((_, one),) = extract(encoder, loader, ids, batch_size=24, device=CPU, precision="float32")
    # all eight are blind to a mirror but for what JPEG loses; one view is not
    assert np.abs(eight - other).max() < 0.2 * np.abs(one - eight).max()


def test_own_statistics_are_those_of_the_batches_and_weights_stay() -> None:
    network = nn.Sequential(nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4)).eval()
    before = network[0].weight.clone()
    batches = [torch.rand(8, 3, 5, 5) for _ in range(3)]
    assert adapt_statistics(network, batches, CPU, "float32") == 1
    with torch.no_grad():
        means = torch.stack([network[0](batch).mean((0, 2, 3)) for batch in batches]).mean(0)
    torch.testing.assert_close(network[1].running_mean, means)
    assert torch.equal(network[0].weight, before)
    assert not network.training
    kept = network[1].running_mean.clone()
    adapt_statistics(network, [torch.rand(1, 3, 5, 5)], CPU)  # one image has no spread: nothing is set
    assert torch.equal(network[1].running_mean, kept)
    assert adapt_statistics(nn.Linear(2, 2), batches, CPU) == 0


def test_openvino_gives_what_torch_gives_and_fills_up_small_batches() -> None:
    pytest.importorskip("openvino")
    encoder = build_encoder("tf_efficientnet_lite0", weights="imagenet", seed=0)
    network = read_layers(encoder).eval()
    fast = OpenVinoRuntime(network, (8, 3, 64, 64), "float32", 1)
    plain = TorchRuntime(network, CPU, "float32")
    for n in (8, 3):
        np.testing.assert_allclose(fast(images(n, 64)), plain(images(n, 64)), atol=2e-3, rtol=2e-3)


class Unlike(nn.Module):
    """A network that is another one when it is traced, as one that converts wrongly would be."""

    def forward(self, tensor: torch.Tensor) -> torch.Tensor:
        flat = tensor.float().flatten(1)[:, :16]
        return flat if not torch.jit.is_tracing() else -flat


class Unconvertible(nn.Module):
    def forward(self, tensor: torch.Tensor) -> torch.Tensor:
        return torch.from_numpy(np.linalg.svd(tensor.float().flatten(2).numpy())[1])


@pytest.mark.parametrize("network", [Unlike(), Unconvertible()])
def test_a_network_that_converts_wrongly_or_not_at_all_is_run_by_torch(network: nn.Module) -> None:
    chosen = choose_runtime(network, images(4, 16), CPU, images=runtime.WORTH_IMAGES)
    assert isinstance(chosen, TorchRuntime)


def test_small_passes_do_not_pay_for_a_conversion() -> None:
    assert isinstance(choose_runtime(tiny(), images(), CPU, images=100), TorchRuntime)


def test_touching_tiles_are_found_on_their_slide_only() -> None:
    slide = np.array([1, 1, 1, 1, 2], np.int32)
    x0, y0 = np.array([0, 224, 0, 896, 224], np.int32), np.array([0, 0, 224, 0, 224], np.int32)
    index = TileIndex(slide, x0, y0, np.full(5, 224, np.int32), np.full(5, -1, np.int16))
    near = [sorted(row[row >= 0].tolist()) for row in neighbours(index)]
    assert near == [[1, 2], [0, 2], [0, 1], [], []]


def bank_of(
    tiles: Tiles, folder: Path, reading: Reading, told: list[float] | None = None, encoder: Encoder | None = None
) -> npt.NDArray[np.float16]:
    banks: list[npt.NDArray[np.float16]] = []

    def open_bank(dim: int) -> Bank:
        banks.append(np.zeros((len(tiles.jpegs), dim), np.float16))
        return banks[0]

    loader = TileLoader(tiles, reading.tile_px, 1)
    read_bank(
        encoder or tiny(),
        reading,
        Pass(loader, CPU, 8, "float32", 0, folder / "features", folder / "run"),
        n_tiles=len(tiles.jpegs),
        open_bank=open_bank,
        normalise=("pca", 16),
        index=lambda: TileIndex(*(np.zeros(len(tiles.jpegs), np.int32) for _ in range(5))),  # type: ignore[arg-type]
        told=lambda share, _: told.append(share) if told is not None else None,
    )
    loader.close()
    return banks[0]


def test_features_that_exist_are_not_computed_again_and_new_tiles_add_theirs(tmp_path: Path) -> None:
    reading = Reading(adapt_bn=False, tile_px=48)
    few, many = Tiles(16), Tiles(24)
    few.jpegs = many.jpegs[:16]
    bank_of(few, tmp_path, reading)
    asked: list[float] = []
    whole = bank_of(many, tmp_path, reading, asked)
    assert asked == [1.0]  # one batch: the eight tiles that are new
    again: list[float] = []
    np.testing.assert_array_equal(bank_of(many, tmp_path, reading, again), whole)
    assert again == []
    np.testing.assert_array_equal(bank_of(many, tmp_path / "fresh", reading), whole)
    other: list[float] = []
    bank_of(many, tmp_path, Reading(adapt_bn=False, tile_px=48, views=1), other)
    assert other  # another recipe
    assert json.loads((tmp_path / "run" / "recipe.json").read_text())["views"] == 1


def test_a_pass_that_was_killed_goes_on_where_it_was(tmp_path: Path) -> None:
    recipe = {"a": 1}
    killed = Kept(tmp_path / "f", recipe, 10, 2, own=tmp_path / "o")
    with killed:
        killed.rows[:4] = 1
        killed.mark(4, now=True)
    with Kept(tmp_path / "f", recipe, 12, 2, own=tmp_path / "o") as kept:
        assert kept.done == 4
        assert (kept.rows[:4] == 1).all()
        with Kept(tmp_path / "f", recipe, 12, 2, own=tmp_path / "o") as second:  # held: it works beside
            assert second.done == 0
    assert not (tmp_path / "o").exists()


def test_tiles_that_do_not_decode_have_rows_of_zeros(tmp_path: Path) -> None:
    bank = bank_of(Tiles(broken=(3, 23)), tmp_path, Reading(tile_px=48))
    zero = (bank == 0).all(axis=1)
    assert np.flatnonzero(zero).tolist() == [3, 23]
    np.testing.assert_allclose(np.linalg.norm(bank[~zero].astype(np.float32), axis=1), 1, atol=2e-3)
    with pytest.raises(RunError, match="not one tile could be read"):
        bank_of(Tiles(4, broken=(0, 1, 2, 3)), tmp_path / "none", Reading(tile_px=48))


def test_identical_tiles_give_finite_rows(tmp_path: Path) -> None:
    assert np.isfinite(bank_of(Tiles(same=True), tmp_path, Reading(tile_px=48))).all()


def test_weights_that_are_not_finite_are_refused(tmp_path: Path) -> None:
    encoder = tiny()
    encoder.backbone[0][0].weight.data.fill_(float("nan"))
    with pytest.raises(RunError, match="features that are not finite: are these its weights"):
        bank_of(Tiles(), tmp_path, Reading(tile_px=48, adapt_bn=False), encoder=encoder)
