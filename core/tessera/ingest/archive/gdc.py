"""The catalogue of NCI's Genomic Data Commons: which slides there are, with size and md5.

Written from the GDC's documentation (API user guide, 2026). Traps that it names: a query returns 10 rows unless told
otherwise, large queries time out, rows come unordered unless sorted, and fields that are missing are simply absent.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Iterable
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import stamina

from tessera.config import StreamConfig
from tessera.errors import ConfigError, TesseraError
from tessera.ingest.archive.catalogue import Catalogue, RemoteSlide, limited, reason_against, sort_out
from tessera.ingest.archive.http import Patience, TransientError, check_status, error_words, make_client, origin

STRATEGIES = ("Diagnostic Slide", "Tissue Slide")
TOKEN_VARIABLE = "TESSERA_GDC_TOKEN"
_FIELDS = "file_id,file_name,md5sum,file_size,state,experimental_strategy,cases.project.project_id,cases.submitter_id"
_LISTINGS = 4
_VERSIONS_PER_QUESTION = 500


class CatalogueError(TesseraError):
    """The archive's catalogue cannot be read."""


class GdcSource:
    """Slides of GDC projects.

    Args:
        config: address, page size, limit, mirror.
        projects: project ids (TCGA-BRCA), or names of whole programs (TCGA).
        strategies: of `STRATEGIES`.
    """

    def __init__(self, config: StreamConfig, projects: Iterable[str], strategies: Iterable[str]) -> None:
        self._config = config
        self._projects, self._strategies = sorted(set(projects)), sorted(set(strategies))
        if not self._projects:
            raise ConfigError("gdc: needs --project, for example TCGA-BRCA, or the name of a program such as TCGA")
        unknown = [name for name in self._strategies if name not in STRATEGIES]
        if unknown:
            raise ConfigError(f"--strategy {unknown[0]!r}: choose of {', '.join(map(repr, STRATEGIES))}")

    def describe(self) -> str:
        """The source in words."""
        return f"GDC {', '.join(self._projects)}: {', '.join(self._strategies)}"

    def catalogue(self) -> Catalogue:
        """All open slides of the projects, by file id.

        Raises:
            CatalogueError: no answer, or one that is no catalogue.
            ConfigError: nothing matches.
        """
        with GdcClient(self._config) as client:
            release = client.release()
            hits = client.list_files(self._filters())
        if not hits:
            raise ConfigError(
                f"the GDC lists no open slide for {self.describe()}: check the names of the projects at "
                "portal.gdc.cancer.gov, and whether they have slides of this kind"
            )
        return limited(sort_out([_from_hit(hit, self._config) for hit in hits], release), self._config)

    def _filters(self) -> dict[str, Any]:
        programs = [name for name in self._projects if "-" not in name]
        projects = [name for name in self._projects if "-" in name]
        places = []
        if projects:
            places.append(_among("cases.project.project_id", projects))
        if programs:
            places.append(_among("cases.project.program.name", programs))
        where = places[0] if len(places) == 1 else {"op": "or", "content": places}
        content = [
            {"op": "=", "content": {"field": "data_type", "value": "Slide Image"}},
            _among("experimental_strategy", self._strategies),
            {"op": "=", "content": {"field": "access", "value": "open"}},
            where,
        ]
        return {"op": "and", "content": content}


class GdcClient:
    """Asks the GDC's interface; a context manager.

    Args:
        config: address, page size, tries.
        seed: of the jitter between tries.
    """

    def __init__(self, config: StreamConfig, seed: int = 0) -> None:
        self._config, self._rng = config, random.Random(seed)
        self._client = make_client(config)

    def __enter__(self) -> GdcClient:
        """The client."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close its connections."""
        self._client.close()

    def release(self) -> str:
        """Name of the data release, for the record."""
        return str(self._ask("/status", first=True).get("data_release", ""))

    def list_files(self, filters: dict[str, Any]) -> list[dict[str, Any]]:
        """All hits of `/files`; complete and without repeats, or an error.

        Raises:
            CatalogueError: the listing changed each time it was read, or the archive does not answer.
        """
        for _ in range(_LISTINGS):
            hits = self._list_once(filters)
            if hits is not None:
                return hits
        raise CatalogueError("the GDC's list changed each time while it was read (a release?): try again in an hour")

    def _list_once(self, filters: dict[str, Any]) -> list[dict[str, Any]] | None:
        """One pass over the pages; None when rows were added, lost or repeated meanwhile."""
        hits: list[dict[str, Any]] = []
        total, size = -1, self._config.page_size
        while total < 0 or len(hits) < total:
            body = {
                "filters": filters,
                "fields": _FIELDS,
                "sort": "file_id:asc",
                "format": "JSON",
                "size": size,
                "from": len(hits),
            }
            data, size = self._page(body, size)
            page, found = data["hits"], int(data["pagination"]["total"])
            if total not in (-1, found) or (not page and len(hits) < found):
                return None
            total = found
            hits += page
        complete = len(hits) == total == len({_file_id(hit) for hit in hits})
        return hits if complete else None

    def _page(self, body: dict[str, Any], size: int) -> tuple[dict[str, Any], int]:
        """One page; when the archive chokes on it, a smaller one. Returns it with the size that worked."""
        while True:
            try:
                answer = self._ask("/files", {**body, "size": size})
            except CatalogueError:
                if size <= 10:
                    raise
                size = max(10, size // 2)
                continue
            data = answer.get("data")
            if not isinstance(data, dict) or "hits" not in data or "total" not in data.get("pagination", {}):
                raise CatalogueError(f"{self._config.gdc_url}/files answered without a list of files")
            return data, size

    def latest(self, file_ids: list[str]) -> dict[str, str]:
        """Old file id to the id of its present version; ids without one are left out."""
        found: dict[str, str] = {}
        for start in range(0, len(file_ids), _VERSIONS_PER_QUESTION):
            answer = self._ask("/files/versions", {"ids": file_ids[start : start + _VERSIONS_PER_QUESTION]})
            rows = answer if isinstance(answer, list) else answer.get("data", [])
            found |= {row["id"]: row["latest_id"] for row in rows if row.get("latest_id")}
        return found

    def renew(self, slide: RemoteSlide) -> RemoteSlide | None:
        """The present version of a retired slide, by its id and else by its name; None when there is none."""
        latest = self.latest([slide.file_id]).get(slide.file_id, "")
        questions = [_among("file_id", [latest])] if latest and latest != slide.file_id else []
        questions.append(_among("file_name", [slide.name]))
        stem = slide.name.split(".")[0]  # the barcode; what follows is an id of its own
        for question in questions:
            for hit in self.list_files({"op": "and", "content": [question]}):
                found = _from_hit(hit, self._config)
                if found.file_id != slide.file_id and found.name.split(".")[0] == stem and not reason_against(found):
                    return found
        return None

    def _ask(self, path: str, body: dict[str, Any] | None = None, *, first: bool = False) -> Any:
        """JSON of one question; of the first one it is known soon when nobody is there.

        Raises:
            CatalogueError: no usable answer after all tries.
        """
        url = self._config.gdc_url.rstrip("/") + path
        patience = Patience(self._config.attempts, self._rng, what=url, first=first)
        try:
            for attempt in stamina.retry_context(on=patience, attempts=None, timeout=None):
                with attempt:
                    return self._ask_once(url, body)
        except httpx.ConnectError as error:
            raise CatalogueError(
                f"{url} cannot be read: {error_words(error)}: see that this machine is online, or name another "
                "address with "
                "--set gdc_url=URL"
            ) from error
        except (TransientError, httpx.TransportError, TesseraError) as error:
            raise CatalogueError(f"{url} cannot be read: {error_words(error)}") from error
        raise AssertionError("stamina ends with an answer or an error")

    def _ask_once(self, url: str, body: dict[str, Any] | None) -> Any:
        response = self._client.get(url) if body is None else self._client.post(url, json=body)
        check_status(response)
        try:
            return response.json()
        except ValueError as error:
            raise TransientError("it answered with a page that is not JSON (maintenance?)") from error


def data_urls(config: StreamConfig, file_id: str, name: str) -> tuple[str, ...]:
    """Where a slide's bytes are, in order of preference: the mirror, if there is one, then the GDC."""
    own = f"{config.gdc_url.rstrip('/')}/data/{quote(file_id, safe='')}"
    if not config.mirror:
        return (own,)
    return (f"{config.mirror.rstrip('/')}/{quote(file_id, safe='')}/{quote(name, safe='')}", own)


class Token:
    """The token of a person who may read closed files. Its text appears in no repr and goes to the GDC only.

    Args:
        text: the token, empty for none.
        url: base address that it belongs to.
    """

    def __init__(self, text: str, url: str) -> None:
        self._text, self._origin = text, origin(url)

    def __repr__(self) -> str:
        return "Token(***)" if self._text else "Token()"

    def headers(self, url: str) -> dict[str, str]:
        """The header to send to `url`: none unless it is the token's own host."""
        return {"X-Auth-Token": self._text} if self._text and origin(url) == self._origin else {}


def read_token(config: StreamConfig, environment: dict[str, str]) -> Token:
    """The token of --set token_file or of TESSERA_GDC_TOKEN, which is not needed for open slides.

    Raises:
        ConfigError: the file cannot be read.
    """
    text = environment.get(TOKEN_VARIABLE, "")
    if config.token_file:
        try:
            text = Path(config.token_file).expanduser().read_text()
        except OSError as error:
            raise ConfigError(f"the token file cannot be read: {error.strerror}") from error
    return Token(text.strip(), config.gdc_url)


class Renewer:
    """Looks up present versions of retired slides for download threads, one at a time.

    Args:
        config: where the GDC is.
    """

    def __init__(self, config: StreamConfig) -> None:
        self._config, self._lock = config, threading.Lock()

    def __call__(self, slide: RemoteSlide) -> RemoteSlide | None:
        """The present version; None for slides that are not the GDC's, or when it knows none."""
        if not any(url.startswith(self._config.gdc_url) for url in slide.urls):
            return None
        with self._lock, GdcClient(self._config) as client:
            return client.renew(slide)


def _among(field: str, values: list[str]) -> dict[str, Any]:
    return {"op": "in", "content": {"field": field, "value": values}}


def _file_id(hit: dict[str, Any]) -> str:
    return str(hit.get("file_id") or hit.get("id") or "")


def _from_hit(hit: dict[str, Any], config: StreamConfig) -> RemoteSlide:
    file_id, name = _file_id(hit), str(hit.get("file_name") or "")
    cases = hit.get("cases") or [{}]
    project = str((cases[0].get("project") or {}).get("project_id") or "")
    return RemoteSlide(
        file_id,
        name,
        int(hit.get("file_size") or 0),
        str(hit.get("md5sum") or "").lower(),
        data_urls(config, file_id, name),
        project,
    )
