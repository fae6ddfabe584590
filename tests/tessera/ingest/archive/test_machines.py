from __future__ import annotations

from pathlib import Path

import pytest
from tessera.config import IngestConfig, StreamConfig
from tessera.errors import ConfigError, WorkspaceError
from tessera.ingest.archive.catalogue import RemoteSlide
from tessera.ingest.archive.machines import FileBoard, Folders, Orders, Place, read_news, wait_for_orders


@pytest.mark.parametrize(
    ("environment", "rank", "world"),
    [
        ({}, 0, 1),
        ({"RANK": "2", "WORLD_SIZE": "4", "TORCHELASTIC_RUN_ID": "j"}, 2, 4),
        (
            {
                "SLURM_ARRAY_TASK_ID": "5",
                "SLURM_ARRAY_TASK_MIN": "1",
                "SLURM_ARRAY_TASK_STEP": "2",
                "SLURM_ARRAY_TASK_COUNT": "4",
            },
            2,
            4,
        ),
        ({"JOB_COMPLETION_INDEX": "1", "WORLD_SIZE": "3"}, 1, 3),
    ],
)
def test_rank_and_world(environment: dict[str, str], rank: int, world: int) -> None:
    place = Place.of(environment)
    assert (place.rank, place.world) == (rank, world)


def test_an_index_without_a_number_of_workers() -> None:
    with pytest.raises(ConfigError, match="WORLD_SIZE"):
        Place.of({"JOB_COMPLETION_INDEX": "1"})


def slides(n: int) -> list[RemoteSlide]:
    return [RemoteSlide(f"id{i}", f"{i}.svs", 100 + i * i, "0" * 32, ("http://x",)) for i in range(n)]


def test_shares_cover_everything_once_and_weigh_alike(tmp_path: Path) -> None:
    folders = Folders.make(tmp_path, StreamConfig(), 0)
    Orders("job", 3, "run", slides(11), IngestConfig(tile_px=64), StreamConfig(limit=7)).write(folders)
    orders = wait_for_orders(folders, Place(1, 3, "job"), 1)
    shares = [orders.share(rank) for rank in range(3)]
    assert sorted(slide.file_id for share in shares for slide in share) == sorted(slide.file_id for slide in slides(11))
    weights = [sum(slide.size_bytes for slide in share) for share in shares]
    assert max(weights) - min(weights) <= max(slide.size_bytes for slide in slides(11))
    assert (orders.ingest.tile_px, orders.stream.limit) == (64, 7)


def test_orders_of_another_job_are_not_taken(tmp_path: Path) -> None:
    folders = Folders.make(tmp_path, StreamConfig(), 0)
    Orders("old", 2, "run", slides(1), IngestConfig(), StreamConfig()).write(folders)
    with pytest.raises(WorkspaceError, match="waited for worker 0"):
        wait_for_orders(folders, Place(1, 2, "new"), 0.3)


def test_news_of_a_worker(tmp_path: Path) -> None:
    folders = Folders.make(tmp_path, StreamConfig(), 0)
    assert read_news(folders, 1) is None
    board = FileBoard(folders.workers / "1.json", 1)
    board.say("a", "downloading")
    board.say("b", "failed", "broken")
    board.publish({"a": 5}, held=7, rate=2.0)
    news = read_news(folders, 1)
    assert news is not None
    assert (news.held, news.rate, news.moved, news.ended) == (7, 2.0, {"a": 5}, False)
    assert news.states == {"a": ("downloading", ""), "b": ("failed", "broken")}
    old, new = slides(2)
    assert not board.renewed(old, new)
