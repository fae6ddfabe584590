from __future__ import annotations

import errno
import hashlib
import random
import threading
import time
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest
import stamina.instrumentation
from tessera.config import StreamConfig
from tessera.ingest.archive.budget import Reservation
from tessera.ingest.archive.catalogue import RemoteSlide
from tessera.ingest.archive.download import DiskFullError, Downloader, Fetched, Halt, HaltedError, WrongBytesError
from tessera.ingest.archive.gdc import Token
from tessera.ingest.archive.http import GoneError, RefusedError, TransientError, retry_after_s
from tessera.ingest.commit import pass_by

from tests.standins.gdc_server import Fault, StandIn

SLIDE = b"II*\0" + random.Random(0).randbytes(300_000)
HALF = 150_000

pytestmark = pytest.mark.usefixtures("no_waiting")


class Case:
    """One slide in the archive and a downloader for it."""

    def __init__(self, archive: StandIn, folder: Path, **about: Any) -> None:
        self.archive = archive
        self.settings = StreamConfig(**{"gdc_url": archive.url, "attempts": 4, "read_timeout_s": 0.4, **about})
        self.file_id = archive.add("TCGA-A1-0001-01Z-00-DX1.svs", SLIDE)
        self.slide = self.remote(archive.url)
        self.halt, self.reservation = Halt(), Reservation(len(SLIDE), 0)
        self.downloader = Downloader(folder, self.settings, Token("secret", archive.url), busy=self.busy)
        self.path, self.part = self.downloader.paths(self.slide)
        self.verified = self.refused = 0

    def remote(self, *bases: str) -> RemoteSlide:
        urls = tuple(f"{base}/data/{self.file_id}" for base in bases)
        return RemoteSlide(
            self.file_id, "TCGA-A1-0001-01Z-00-DX1.svs", len(SLIDE), hashlib.md5(SLIDE).hexdigest(), urls
        )

    def busy(self) -> None:
        self.refused += 1

    def verifying(self) -> None:
        self.verified += 1

    def fetch(self, slide: RemoteSlide | None = None) -> Fetched:
        return self.downloader.fetch(slide or self.slide, self.halt, self.reservation, self.verifying)

    def ranges(self) -> list[str | None]:
        return [one.headers.get("range") for one in self.archive.gets(self.file_id)]

    def check(self, fetched: Fetched) -> None:
        assert fetched.path.read_bytes() == SLIDE
        assert fetched.sha256 == hashlib.sha256(SLIDE).hexdigest()
        assert not self.part.exists()
        assert self.reservation.written == len(SLIDE)


@pytest.fixture
def case(archive: StandIn, tmp_path: Path) -> Case:
    return Case(archive, tmp_path)


def test_a_slide_arrives_whole_and_is_named_only_then(case: Case) -> None:
    case.check(case.fetch())
    asked = case.archive.gets(case.file_id)[0]
    assert asked.headers["accept-encoding"] == "identity"
    assert asked.headers["user-agent"].startswith("tessera")
    assert case.verified == 1
    again = case.fetch()
    assert again.moved_bytes == 0
    assert len(case.archive.gets(case.file_id)) == 1


def test_resume_moves_only_the_rest(case: Case) -> None:
    case.part.write_bytes(SLIDE[:HALF])
    fetched = case.fetch()
    case.check(fetched)
    assert fetched.moved_bytes == case.archive.moved(case.file_id) == len(SLIDE) - HALF
    assert case.ranges() == [f"bytes={HALF}-"]


def test_a_part_that_is_complete_or_too_long(case: Case) -> None:
    case.part.write_bytes(SLIDE)
    case.check(case.fetch())
    assert case.ranges() == []
    case.path.unlink()
    case.part.write_bytes(SLIDE + b"more")
    case.check(case.fetch())
    assert case.ranges() == [None]


@pytest.mark.parametrize("kind", ["short", "short-no-length", "reset"])
def test_any_number_of_breaks_costs_no_byte_twice(case: Case, kind: str) -> None:
    case.archive.script(case.file_id, *[Fault(kind, after=20_000)] * 12)  # three times the tries: each made progress
    fetched = case.fetch()
    case.check(fetched)
    assert fetched.moved_bytes == len(SLIDE)
    assert len(case.ranges()) == 13


def test_without_progress_it_gives_up_and_keeps_the_part(case: Case) -> None:
    case.archive.script(case.file_id, Fault("short", after=HALF), *[Fault("short")] * 50)
    with pytest.raises(TransientError, match="the connection"):
        case.fetch()
    assert case.part.stat().st_size == HALF
    assert len(case.ranges()) == 4


def test_a_stall_and_a_drip_are_dropped_and_resumed(archive: StandIn, tmp_path: Path) -> None:
    case = Case(archive, tmp_path, min_rate=20_000, min_rate_window_s=0.3)
    archive.script(case.file_id, Fault("stall", after=HALF), Fault("drip", after=50_000))
    fetched = case.fetch()
    case.check(fetched)
    assert fetched.moved_bytes == len(SLIDE)
    assert case.ranges()[1] == f"bytes={HALF}-"
    assert len(case.ranges()) == 3


def test_200_on_a_resume_starts_over(case: Case) -> None:
    case.part.write_bytes(SLIDE[:HALF])
    case.archive.script(case.file_id, Fault("ignore-range"))
    case.check(case.fetch())
    assert case.archive.moved(case.file_id) == len(SLIDE)


@pytest.mark.parametrize("kind", ["wrong-range", "not-satisfiable"])
def test_a_wrong_continuation_starts_over(case: Case, kind: str) -> None:
    case.part.write_bytes(b"II*\0" + b"x" * HALF)
    case.archive.script(case.file_id, Fault(kind))
    case.check(case.fetch())
    assert case.ranges() == [f"bytes={HALF + 4}-", None]


@pytest.mark.parametrize("kind", ["html", "gzip", "too-long", "no-length", "disposition"])
def test_odd_answers_end_in_the_right_bytes(case: Case, kind: str) -> None:
    case.archive.script(case.file_id, Fault(kind))
    case.check(case.fetch())
    assert sorted(path.name for path in case.path.parent.iterdir()) == [case.path.name]


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (Fault("html"), "page of text"),
        (Fault("gzip"), "compressed"),
        (Fault("too-long"), "more than"),
        (Fault("status", 500), "internal server error"),
    ],
)
def test_servers_that_never_answer_right_give_a_reason(case: Case, fault: Fault, words: str) -> None:
    case.archive.script(case.file_id, *[fault] * 50)
    with pytest.raises(TransientError, match=words):
        case.fetch()
    assert not case.path.exists()


def test_another_size_at_every_try_is_refused(case: Case) -> None:
    case.archive.script(case.file_id, *[Fault("html", headers={"Content-Type": "application/octet-stream"})] * 50)
    with pytest.raises(RefusedError, match=r"bytes, the catalogue says .*list the source again"):
        case.fetch()
    assert len(case.ranges()) == 4


def test_wrong_first_bytes_of_unknown_length_are_no_slide(case: Case) -> None:
    case.archive.entries[case.file_id].data = b"<html>" + SLIDE[6:]
    case.archive.script(case.file_id, *[Fault("no-length")] * 50)
    with pytest.raises(TransientError, match="not a slide"):
        case.fetch()


def test_the_archives_own_bytes_are_taken_whatever_they_are(archive: StandIn, tmp_path: Path) -> None:
    rubbish = b"not a slide" * 500
    file_id = archive.add("TCGA-A1-0009-01Z-00-DX1.svs", rubbish)
    slide = RemoteSlide(
        file_id, "x.svs", len(rubbish), hashlib.md5(rubbish).hexdigest(), (f"{archive.url}/data/{file_id}",)
    )
    downloader = Downloader(tmp_path, StreamConfig(gdc_url=archive.url), Token("", archive.url))
    fetched = downloader.fetch(slide, Halt(), Reservation(len(rubbish), 0), lambda: None)
    assert fetched.path.read_bytes() == rubbish
    assert len(archive.gets(file_id)) == 1


def test_a_try_that_failed_is_logged_with_slide_reason_and_wait(case: Case, caplog: pytest.LogCaptureFixture) -> None:
    case.archive.script(case.file_id, Fault("status", 500), Fault("reset", after=10))
    case.check(case.fetch())
    first, second = [record.getMessage() for record in caplog.records if record.name == "tessera.ingest.archive.http"]
    assert first.startswith("TCGA-A1-0001-01Z-00-DX1.svs: ")
    assert "internal server error; tried again in 1 s (1 of 4 tries)" in first
    assert "the connection" in second


def test_wrong_bytes_are_fetched_once_more_and_then_refused(case: Case) -> None:
    case.archive.script(case.file_id, Fault("wrong-bytes"))
    case.check(case.fetch())
    assert case.verified == 2
    case.path.unlink()
    case.archive.script(case.file_id, Fault("wrong-bytes"), Fault("wrong-bytes"))
    with pytest.raises(WrongBytesError, match="another md5"):
        case.fetch()
    assert list(case.path.parent.iterdir()) == []
    assert len(case.ranges()) == 4


def test_damage_in_an_old_part_is_found(case: Case) -> None:
    case.part.write_bytes(SLIDE[: HALF - 1] + b"?")
    case.check(case.fetch())
    assert case.ranges() == [f"bytes={HALF}-", None]


def test_refusals_are_not_repeated_and_say_the_servers_words(case: Case) -> None:
    case.archive.script(case.file_id, Fault("status", 403, body=b'{"message": "Please specify a X-Auth-Token"}'))
    with pytest.raises(RefusedError, match="403: Please specify"):
        case.fetch()
    del case.archive.entries[case.file_id]
    with pytest.raises(GoneError, match="404"):
        case.fetch()
    assert len(case.ranges()) == 2


def test_the_mirror_comes_first_and_the_archive_after(case: Case, tmp_path: Path) -> None:
    with StandIn() as mirror:
        both = case.remote(mirror.url, case.archive.url)
        case.check(case.fetch(both))  # 404 at the mirror
        assert (len(mirror.gets(case.file_id)), len(case.ranges())) == (1, 1)
        assert "x-auth-token" not in mirror.asked[0].headers
        assert case.archive.asked[0].headers["x-auth-token"] == "secret"
        case.path.unlink()
        mirror.add(case.slide.name, SLIDE, file_id=case.file_id)
        case.check(case.fetch(both))
        assert (len(mirror.gets(case.file_id)), len(case.ranges())) == (2, 1)
        case.path.unlink()
        mirror.script(case.file_id, Fault("wrong-bytes"))
        case.check(case.fetch(both))
        assert (len(mirror.gets(case.file_id)), len(case.ranges())) == (3, 2)


def test_the_token_follows_no_redirect_to_another_host(case: Case) -> None:
    with StandIn() as elsewhere:
        elsewhere.add(case.slide.name, SLIDE, file_id=case.file_id)
        case.archive.script(case.file_id, Fault("redirect", to=f"/data/{case.file_id}"))
        case.archive.script(case.file_id, Fault("redirect", to=f"{elsewhere.url}/data/{case.file_id}"))
        case.check(case.fetch())
        assert [one.headers.get("x-auth-token") for one in case.archive.gets(case.file_id)] == ["secret", "secret"]
        assert "x-auth-token" not in elsewhere.asked[0].headers
        case.path.unlink()
        case.archive.script(case.file_id, *[Fault("redirect", to=f"/data/{case.file_id}")] * 50)
        with pytest.raises(RefusedError, match="circle"):
            case.fetch()


def test_retry_after_is_respected(case: Case) -> None:
    waits: list[float] = []
    stamina.instrumentation.set_on_retry_hooks([lambda details: waits.append(details.wait_for)])
    stamina.set_testing(False)
    try:
        soon = format_datetime(datetime.now(UTC) - timedelta(seconds=5), usegmt=True)
        case.archive.script(
            case.file_id,
            Fault("status", 429, headers={"Retry-After": "0"}),
            Fault("status", 503, headers={"Retry-After": soon}),
        )
        case.check(case.fetch())
    finally:
        stamina.instrumentation.set_on_retry_hooks(None)
    assert waits == [0, 0]
    assert case.refused == 1
    assert retry_after_s("17") == 17
    later = retry_after_s(format_datetime(datetime.now(UTC) + timedelta(seconds=30), usegmt=True))
    assert later is not None
    assert 27 < later <= 30
    assert retry_after_s("soon") is None


def test_a_halt_ends_a_stalled_download_and_nothing_is_written_after(
    archive: StandIn, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    case = Case(archive, tmp_path, read_timeout_s=20)
    archive.script(case.file_id, Fault("stall", after=HALF))
    outcome: list[Exception] = []
    arrived = threading.Event()
    case.downloader._at = lambda _: arrived.set() if case.reservation.written == HALF else None

    def fetch() -> None:
        try:
            case.fetch()
        except HaltedError as error:
            outcome.append(error)

    worker = threading.Thread(target=fetch, daemon=True)
    worker.start()
    assert arrived.wait(10)
    began = time.monotonic()
    case.halt.halt()
    assert time.monotonic() - began < 1
    archive.released.set()
    worker.join(10)
    assert len(outcome) == 1
    assert case.part.stat().st_size == HALF
    assert "tried again" not in caplog.text


def test_a_full_disk_is_no_fault_of_the_slide(case: Case) -> None:
    def full(name: str) -> None:
        if name == "chunk" and case.reservation.written > HALF:
            raise OSError(errno.ENOSPC, "No space left on device")

    case.downloader._at = full
    with pytest.raises(DiskFullError):
        case.fetch()
    case.downloader._at = pass_by
    size = case.part.stat().st_size
    assert size > HALF
    case.check(case.fetch())
    assert case.ranges() == [None, f"bytes={size}-"]
