"""One slide from an archive to our disk: resumed where it broke, and not named a slide before size and md5 match.

The `.part` file only ever grows at its end, so its length is the place to go on. Nothing is preallocated: OpenSlide
opens files with holes and silently gives wrong pixels (reference/gdc.md, 6).
"""

from __future__ import annotations

import errno
import hashlib
import os
import random
import re
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TypeVar

import httpx
import stamina

from tessera.config import StreamConfig
from tessera.ingest.archive.budget import Reservation
from tessera.ingest.archive.catalogue import RemoteSlide
from tessera.ingest.archive.gdc import Token
from tessera.ingest.archive.http import (
    Patience,
    RefusedError,
    TransientError,
    check_status,
    error_words,
    make_client,
    send,
)
from tessera.ingest.commit import KillPoint, pass_by
from tessera.workspace.files import fsync_directory

T = TypeVar("T")

_READ_BYTES = 1024**2
_TIFF_STARTS = (b"II*\0", b"II+\0", b"MM\0*", b"MM\0+")
_TIFF_SUFFIXES = (".svs", ".tif", ".tiff", ".ndpi", ".scn", ".bif")
_RANGE = re.compile(r"bytes (\d+)-(\d+)/(\d+)")


class HaltedError(Exception):
    """Somebody asked to stop or to pause; the part stays for later."""


class DiskFullError(Exception):
    """The volume is full: no fault of the slide."""


class WrongBytesError(RefusedError):
    """Right length, wrong md5, twice."""


class OtherSizeError(TransientError):
    """The server offers another number of bytes than the catalogue names: an error page, or another file."""


class Halt:
    """A word that stops downloads at once, even those that wait for bytes: they may never write again after it."""

    def __init__(self) -> None:
        self._lock, self._halted = threading.Lock(), False

    def halt(self) -> None:
        """After this returns no more bytes are written."""
        with self._lock:
            self._halted = True

    def check(self) -> None:
        """Raise when halted."""
        if self._halted:
            raise HaltedError

    def unless(self, action: Callable[[], T]) -> T:
        """Touch a file, unless halted: another thread may own it by then."""
        with self._lock:
            self.check()
            return action()


@dataclass(frozen=True)
class Fetched:
    """A slide whose bytes are the archive's.

    Attributes:
        path: the file.
        sha256: of its bytes.
        moved_bytes: bytes that came over the network for it.
    """

    path: Path
    sha256: str
    moved_bytes: int


class Downloader:
    """Fetches slides into a folder; safe to use from several threads.

    Args:
        folder: where parts and slides lie.
        config: tries, timeouts, least rate.
        token: for closed files.
        at: is told the name of each step; tests kill the process there.
        busy: called when a server says that it has too many requests.
    """

    def __init__(
        self,
        folder: Path,
        config: StreamConfig,
        token: Token,
        *,
        at: KillPoint = pass_by,
        busy: Callable[[], None] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.folder = folder
        self._config, self._token, self._at, self._busy, self._clock = config, token, at, busy, clock
        self._client = make_client(config)

    def close(self) -> None:
        """Close all connections."""
        self._client.close()

    def paths(self, slide: RemoteSlide) -> tuple[Path, Path]:
        """The slide's file and the part that it grows from."""
        path = self.folder / slide.local_name
        return path, path.with_name(path.name + ".part")

    def fetch(self, slide: RemoteSlide, halt: Halt, reservation: Reservation, verifying: Callable[[], None]) -> Fetched:
        """Fetch and verify a slide, going on from what is there.

        Args:
            slide: what to fetch.
            halt: stops it.
            reservation: is told how many bytes are on disk.
            verifying: called when all bytes are there.

        Raises:
            TransientError: all tries were in vain; may work later.
            RefusedError: it will never work; the message says why.
            GoneError: the archive does not know it any more.
            DiskFullError: no space left.
            HaltedError: asked to stop.
        """
        path, part = self.paths(slide)
        if path.is_file():  # a kill after the verification: the name says that size and md5 were right
            reservation.written = path.stat().st_size
            return Fetched(path, _hash_part(path, halt).sha256.hexdigest(), 0)
        moved = 0
        for again in (True, False):
            # after wrong bytes the mirror is not asked again
            urls = slide.urls if again else slide.urls[-1:]
            transfer = self._transfer(slide, urls, part, halt, reservation)
            moved += transfer.moved
            verifying()
            self._at("verifying")
            if transfer.hashes.md5.hexdigest() == slide.md5:
                halt.unless(lambda: _make_durable(part, path))
                self._at("verified")
                return Fetched(path, transfer.hashes.sha256.hexdigest(), moved)
            halt.unless(part.unlink)
            reservation.written = 0
            if not again:
                break
        raise WrongBytesError(
            "its bytes have another md5 than the catalogue says, twice: the archive's copy is damaged"
        )

    def _transfer(
        self, slide: RemoteSlide, urls: tuple[str, ...], part: Path, halt: Halt, reservation: Reservation
    ) -> _Transfer:
        """All bytes of a slide from the first address that gives them."""
        for number, url in enumerate(urls, 1):
            transfer = _Transfer(slide, url, part, halt, reservation)
            try:
                self._retry(transfer)
            except (RefusedError, TransientError) as error:
                if number < len(urls):
                    continue
                if isinstance(error, OtherSizeError):  # at every try: it will not change by waiting for a round
                    raise RefusedError(f"{error}: list the source again") from error
                raise
            except OSError as error:
                raise disk_error(error) from error
            return transfer
        raise RefusedError("it has no address")

    def _retry(self, transfer: _Transfer) -> None:
        patience = Patience(
            self._config.attempts, random.Random(transfer.slide.file_id), self._busy, transfer.slide.name
        )
        transfer.progress = patience.progress
        try:
            for attempt in stamina.retry_context(on=patience, attempts=None, timeout=None):
                with attempt:
                    transfer.halt.check()
                    try:
                        self._once(transfer)
                    except (httpx.TransportError, TransientError):
                        transfer.halt.check()  # a connection that we closed ourselves is no failure
                        raise
        except httpx.TransportError as error:
            raise TransientError(error_words(error)) from error
        except httpx.InvalidURL as error:
            raise RefusedError(f"its address is wrong: {error}") from error

    def _once(self, transfer: _Transfer) -> None:
        """One connection: from the end of the part to the end of the slide."""
        start = transfer.rewind_if_too_long()
        expected = transfer.slide.size_bytes
        if start == expected:
            return
        headers = self._token.headers(transfer.url)
        if start:
            headers["Range"] = f"bytes={start}-"
        response = send(self._client, transfer.url, headers)
        try:
            if start and response.status_code == 416:
                transfer.restart()
                raise TransientError(f"the server has no bytes after {start:,} of {expected:,}")
            check_status(response)
            self._check_answer(transfer, response, start)
            self._receive(transfer, response)
        finally:
            response.close()
        if transfer.size() < expected:
            raise TransientError(f"the connection ended after {transfer.size():,} of {expected:,} bytes")

    def _check_answer(self, transfer: _Transfer, response: httpx.Response, start: int) -> None:
        """Make sure that the body continues our part; on a whole answer begin anew."""
        expected = transfer.slide.size_bytes
        if response.headers.get("content-encoding", "identity") != "identity":
            raise TransientError("the server sent compressed bytes that were not asked for")
        kind = response.headers.get("content-type", "").partition(";")[0]
        if kind in ("text/html", "application/json", "text/plain"):
            raise TransientError("the server sent a page of text in place of the slide (maintenance?)")
        if start and response.status_code == 206:
            match = _RANGE.fullmatch(response.headers.get("content-range", ""))
            if match is None or int(match[1]) != start or int(match[3]) != expected:
                transfer.restart()
                raise TransientError("the server continued at another place than was asked for")
            return
        if response.status_code == 206:
            raise TransientError("the server sent a part where the whole was asked for")
        length = response.headers.get("content-length")
        if length is not None and int(length) != expected:
            raise OtherSizeError(f"the server's file has {int(length):,} bytes, the catalogue says {expected:,}")
        transfer.restart()
        transfer.length_told = length is not None

    def _receive(self, transfer: _Transfer, response: httpx.Response) -> None:
        floor = _RateFloor(self._config.min_rate, self._config.min_rate_window_s, self._clock)
        with transfer.part.open("ab") as stream:
            for chunk in response.iter_raw():
                transfer.take(stream, chunk)
                self._at("chunk")
                floor.check(len(chunk))
            stream.flush()


class _Hashes:
    """md5 for the archive's sake, SHA-256 for ours, over the same bytes."""

    def __init__(self) -> None:
        self.md5, self.sha256 = hashlib.md5(usedforsecurity=False), hashlib.sha256()

    def update(self, data: bytes) -> None:
        self.md5.update(data)
        self.sha256.update(data)


class _Transfer:
    """One slide on its way from one address."""

    def __init__(self, slide: RemoteSlide, url: str, part: Path, halt: Halt, reservation: Reservation) -> None:
        self.slide, self.url, self.part, self.halt, self._reservation = slide, url, part, halt, reservation
        self.moved = self._furthest = 0
        self.length_told = False
        self.progress: Callable[[], None] = lambda: None
        self.hashes = _hash_part(part, halt)
        reservation.written = self.size()

    def size(self) -> int:
        return self.part.stat().st_size if self.part.exists() else 0

    def rewind_if_too_long(self) -> int:
        if self.size() > self.slide.size_bytes:
            self.restart()
        return self.size()

    def restart(self) -> None:
        self.halt.unless(lambda: self.part.unlink(missing_ok=True))
        self.hashes = _Hashes()
        self._reservation.written = 0

    def take(self, stream: IO[bytes], chunk: bytes) -> None:
        """Add bytes to the part, never more than the slide has.

        First bytes are judged only where the server did not tell the right length: with it they are the archive's own
        file, and what is no slide is found when it is cut, once and for all.
        """
        at = stream.tell()
        if at + len(chunk) > self.slide.size_bytes:
            stream.close()
            self.restart()
            raise TransientError(f"the server sends more than the {self.slide.size_bytes:,} bytes of the catalogue")
        if (
            at == 0
            and not self.length_told
            and self.slide.name.lower().endswith(_TIFF_SUFFIXES)
            and not _may_be_tiff(chunk)
        ):
            raise TransientError("the server sent something that is not a slide (it does not begin as a TIFF does)")
        self.halt.unless(lambda: (stream.write(chunk), stream.flush()))
        self.hashes.update(chunk)
        self.moved += len(chunk)
        self._reservation.written = at + len(chunk)
        if at + len(chunk) > self._furthest:  # bytes that only replace lost ones are no progress: a server that always
            self._furthest = at + len(chunk)  # sends too much would be asked for ever
            self.progress()


class _RateFloor:
    """Drops connections that drip: a byte a second never times out."""

    def __init__(self, least: int, window_s: float, clock: Callable[[], float]) -> None:
        self._least, self._window_s, self._clock = least, window_s, clock
        self._began, self._bytes = clock(), 0

    def check(self, n: int) -> None:
        self._bytes += n
        passed = self._clock() - self._began
        if passed < self._window_s:
            return
        if self._bytes < self._least * passed:
            raise TransientError(f"only {self._bytes / passed:,.0f} bytes a second came; the connection was dropped")
        self._began, self._bytes = self._clock(), 0


def _may_be_tiff(chunk: bytes) -> bool:
    return any(chunk.startswith(start[: len(chunk)]) for start in _TIFF_STARTS)


def _hash_part(path: Path, halt: Halt) -> _Hashes:
    hashes = _Hashes()
    if path.exists():
        with path.open("rb") as stream:
            while data := stream.read(_READ_BYTES):
                halt.check()
                hashes.update(data)
    return hashes


def _make_durable(part: Path, path: Path) -> None:
    """Give a verified part its name, on disk before anybody relies on it."""
    with part.open("rb") as stream:
        os.fsync(stream.fileno())
    part.replace(path)
    fsync_directory(path.parent)


def disk_error(error: OSError) -> Exception:
    """`DiskFullError` when that is what the error says, else the error itself."""
    return DiskFullError(str(error)) if error.errno in (errno.ENOSPC, errno.EDQUOT) else error
