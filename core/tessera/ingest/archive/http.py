"""How we talk to archives: who we say we are, which answers are worth another try, and how long to wait for it."""

from __future__ import annotations

import logging
import random
import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from functools import lru_cache
from urllib.parse import urljoin, urlsplit

import httpx

from tessera import __version__
from tessera.config import StreamConfig
from tessera.errors import TesseraError

logger = logging.getLogger(__name__)

TOKEN_HEADER = "X-Auth-Token"
USER_AGENT = f"tessera-pathology/{__version__} (streaming slide ingest; few connections, one per file)"
_RETRY_STATUS = frozenset({408, 425, 429, 500, 502, 503, 504})
_GONE_STATUS = frozenset({404, 410})
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_MAX_REDIRECTS = 5
_FIRST_WAIT_S, _LONGEST_WAIT_S = 1.0, 60.0
_LONGEST_RETRY_AFTER_S = 3600.0
_FIRST_TRIES = 3


class TransientError(Exception):
    """Worth another try.

    Attributes:
        wait_s: how long the server asked to wait, None when it did not say.
        busy: the server refused because there were too many requests.
    """

    def __init__(self, reason: str, wait_s: float | None = None, *, busy: bool = False) -> None:
        super().__init__(reason)
        self.wait_s = wait_s
        self.busy = busy


class RefusedError(TesseraError):
    """The server will not give this file, however often it is asked."""


class GoneError(RefusedError):
    """The server does not know the file (any more)."""


@dataclass
class Patience:
    """When to give up and how long to wait: the hook of `stamina.retry_context`.

    Tries are counted since the last progress: a connection that breaks every minute but moves bytes is never given up.

    Args:
        attempts: tries without progress.
        rng: jitter, so that many workers do not come back together.
        busy: called when the server says that it has too many requests.
        what: what is asked for, for the log.
        first: this is the first question of all: where nobody answers there is nothing to wait for, give up within
            seconds.
    """

    attempts: int
    rng: random.Random
    busy: Callable[[], None] | None = None
    what: str = ""
    first: bool = False
    failed: int = 0

    def progress(self) -> None:
        """Bytes arrived."""
        self.failed = 0

    def __call__(self, error: Exception) -> bool | float:
        """Whether to try again, and after how many seconds."""
        if not isinstance(error, TransientError | httpx.TransportError):
            return False
        self.failed += 1
        unreachable = self.first and isinstance(error, httpx.ConnectError)  # no such name, or refused
        attempts = min(self.attempts, _FIRST_TRIES) if unreachable else self.attempts
        if self.failed >= attempts:
            return False
        if isinstance(error, TransientError) and error.busy and self.busy is not None:
            self.busy()
        wait_s = self._wait_s(error)
        logger.warning(
            "%s: %s; tried again in %.0f s (%d of %d tries)",
            self.what,
            error_words(error),
            wait_s,
            self.failed,
            attempts,
        )
        return wait_s

    def _wait_s(self, error: Exception) -> float:
        """What the server asked for, else twice as long each time."""
        if isinstance(error, TransientError) and error.wait_s is not None:
            return min(error.wait_s, _LONGEST_RETRY_AFTER_S)
        longest = min(_LONGEST_WAIT_S, _FIRST_WAIT_S * 2 ** (self.failed - 1))
        return longest * self.rng.uniform(0.5, 1)


_TRANSPORT_WORDS: dict[type[httpx.TransportError], str] = {
    httpx.ConnectTimeout: "the server did not answer",
    httpx.ReadTimeout: "the server stopped sending",
    httpx.ConnectError: "the server cannot be reached",
    httpx.RemoteProtocolError: "the connection broke",
}


def error_words(error: Exception) -> str:
    """What went wrong, in words; the library's own in brackets."""
    if not isinstance(error, httpx.TransportError):
        return str(error) or type(error).__name__
    found = next(
        (words for kind, words in _TRANSPORT_WORDS.items() if isinstance(error, kind)), "the connection failed"
    )
    return f"{found} ({str(error) or type(error).__name__})"


def make_client(config: StreamConfig) -> httpx.Client:
    """An HTTP client with our timeouts and name; redirects are followed by `send` only."""
    timeout = httpx.Timeout(connect=config.connect_timeout_s, read=config.read_timeout_s, write=10, pool=None)
    # identity: a compressed slide would be stored compressed
    headers = {"User-Agent": USER_AGENT, "Accept-Encoding": "identity"}
    return httpx.Client(timeout=timeout, headers=headers, follow_redirects=False, verify=_certificates())


@lru_cache(maxsize=1)
def _certificates() -> ssl.SSLContext:
    """Read once: it takes a third of a second."""
    return httpx.create_ssl_context()


def send(client: httpx.Client, url: str, headers: dict[str, str]) -> httpx.Response:
    """GET with an open body, following redirects; a token never goes to another host.

    Raises:
        RefusedError: too many redirects, or one from https to http.
        httpx.TransportError: the connection failed.
    """
    sent = dict(headers)
    for _ in range(_MAX_REDIRECTS):
        response = client.send(client.build_request("GET", url, headers=sent), stream=True)
        if response.status_code not in _REDIRECTS or "location" not in response.headers:
            return response
        response.close()
        target = urljoin(url, response.headers["location"])
        if urlsplit(url).scheme == "https" and urlsplit(target).scheme != "https":
            raise RefusedError(f"{_host(url)} redirects to an address that is not encrypted: {_host(target)}")
        if origin(target) != origin(url):
            sent.pop(TOKEN_HEADER, None)
        url = target
    raise RefusedError(f"{_host(url)} redirects in a circle")


def check_status(response: httpx.Response) -> None:
    """Turn answers other than 200 and 206 into errors; reads the body of those.

    Raises:
        TransientError: worth another try.
        GoneError: 404 or 410.
        RefusedError: any other refusal, with the server's words.
    """
    status = response.status_code
    if status in (200, 206):
        return
    words = f"{_host(str(response.url))} answered {status}{_message(response)}"
    if status in _RETRY_STATUS:
        raise TransientError(words, retry_after_s(response.headers.get("retry-after", "")), busy=status == 429)
    if status in _GONE_STATUS:
        raise GoneError(words)
    raise RefusedError(words)


def retry_after_s(value: str) -> float | None:
    """Seconds of a Retry-After header, which is a number or a date; None when it is neither."""
    value = value.strip()
    if value.isdigit():
        return float(value)
    try:
        return max(0.0, parsedate_to_datetime(value).timestamp() - time.time())
    except (ValueError, TypeError):
        return None


def origin(url: str) -> tuple[str, str, int | None]:
    """Scheme, host and port."""
    parts = urlsplit(url)
    default = {"http": 80, "https": 443}.get(parts.scheme)
    return parts.scheme, (parts.hostname or "").lower(), parts.port or default


def _host(url: str) -> str:
    return urlsplit(url).netloc.rpartition("@")[2]


def _message(response: httpx.Response) -> str:
    """The server's own words, shortened; a page of HTML has none."""
    try:
        response.read()
        found = response.json().get("message", "")
    except (ValueError, AttributeError, httpx.TransportError):
        return ""
    return f": {str(found)[:200]}" if found else ""
