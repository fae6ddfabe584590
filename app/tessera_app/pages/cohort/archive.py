"""The part of the cohort page about an archive that streams in: states, disk, rate, failures, and its buttons."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from html import escape
from typing import Any

import panel as pn
import panel_material_ui as pmui
from tessera import config as configuration
from tessera.config import IngestConfig
from tessera.errors import ConfigError, TesseraError
from tessera.ingest.archive import ledger
from tessera.ingest.archive.plan import size_words
from tessera.slides.problems import NO_RESOLUTION
from tessera.words import counted
from tessera.workspace.activity import Activity
from tessera.workspace.background import start_command
from tessera.workspace.people import Role

from tessera_app import access
from tessera_app.latest import Latest
from tessera_app.page import alarm, bar, duration, html, number, wrap
from tessera_app.pages.cohort.archive_facts import StreamFacts, read_stream
from tessera_app.store import Store
from tessera_app.theme import STREAM_COLOURS, badge

_REASONS = 8
_WORDS = {
    "committed": "tiles in the store",
    "tiled": "cut, slide deleted",
    "tiling": "being cut",
    "verifying": "being verified",
    "downloading": "being fetched",
    "reserved": "about to be downloaded",
    "queued": "waiting",
    "set_aside": "set aside",
    "failed": "failed",
}
_WORDS_AT_REST = _WORDS | {
    "downloading": "partly fetched",
    "verifying": "partly downloaded",
    "tiling": "downloaded, waiting to be cut",
    "reserved": "waiting for its first byte",
}
_TERMS = (
    "TCGA slides are open access. Do not try to identify participants, and acknowledge TCGA (dbGaP phs000178) and the "
    "NCI Genomic "
    "Data Commons in publications."
)


class StreamPanel(pn.viewable.Viewer):
    """A streaming ingest; nothing at all in workspaces without one."""

    def __init__(self, store: Store, **params: Any) -> None:
        super().__init__(**params)
        self._store = store
        self._top, self._message = html(css_classes=["ts-stream"]), html()
        self._pause = self._button("Pause", "ts-stream-pause", lambda: self._ask("pause"))
        self._resume = self._button("Resume", "ts-stream-resume", self._go_on)
        self._stop = self._button("Stop", "ts-stream-stop", lambda: self._ask("stop"))
        self._troubles = pn.Column(sizing_mode="stretch_width", css_classes=["ts-stream-troubles"])
        self._shown: list[tuple[str, str, int, str]] | None = None
        self._loads = Latest(lambda text: setattr(self._top, "object", wrap(alarm(text))))
        self._all = pn.Column(
            self._top,
            pn.Row(self._pause, self._resume, self._stop),
            self._message,
            self._troubles,
            sizing_mode="stretch_width",
            visible=False,
        )
        store.param.watch(lambda *_: self._load(), ["stream", "failures"])
        self._load()

    def __panel__(self) -> pn.viewable.Viewable:
        return self._all

    def _load(self) -> None:
        if self._store.stream is not None:
            self._loads.load(lambda: read_stream(self._store.workspace), self._show)

    def _show(self, facts: StreamFacts | None) -> None:
        self._all.visible = facts is not None
        if facts is None:
            return
        row = facts.row
        self._top.object = wrap(failure(self._store.failures, row.started) + describe(facts))
        self._pause.visible = row.alive and row.want == "run"
        self._stop.visible = row.alive and row.want != "stop"
        self._resume.visible = (row.alive and row.want == "pause") or (not row.alive and facts.unfinished > 0)
        if facts.troubles != self._shown:
            self._shown = facts.troubles
            self._troubles.objects = self._trouble_rows(facts.troubles)

    def _trouble_rows(self, troubles: list[tuple[str, str, int, str]]) -> list[Any]:
        if not troubles:
            return []
        rows: list[Any] = [html(f"<h3>{trouble_title(troubles)}</h3>")]
        for state, reason, n, name in troubles[:_REASONS]:
            about = html(
                f"<div>{badge(state)} <b>{n:,}</b> {escape(reason)} <span class='quiet'>{escape(name)}"
                f"{' and others' if n > 1 else ''}</span></div>"
            )
            rows.append(pn.Row(about, *self._remedy(reason), sizing_mode="stretch_width"))
        if len(troubles) > _REASONS:
            more = counted(len(troubles) - _REASONS, "more reason")
            rows.append(html(f"<p class='quiet'>and {more}: <code>tessera status</code></p>"))
        return rows

    def _remedy(self, reason: str) -> list[Any]:
        """What can be done about slides that could not be added."""
        if not reason.startswith(NO_RESOLUTION):
            return [self._button("Retry", "ts-stream-retry", self._retry_of(reason))]
        mpp = pmui.FloatInput(
            label="um per pixel",
            value=None,
            placeholder="0.25",
            size="small",
            width=130,
            css_classes=["ts-stream-mpp"],
            description=(
                "Of these slides, as the scanner's maker says: 0.25 is 40x, 0.5 is 20x. Tiles would be of any size "
                "without it."
            ),
        )
        return [mpp, self._button("Cut with it", "ts-stream-retry", lambda: self._go_on_with(mpp.value))]

    def _button(self, label: str, css: str, act: Callable[[], None]) -> Any:
        button = pmui.Button(label=label, variant="outlined", size="small", css_classes=[css])

        async def clicked(_: Any) -> None:
            button.disabled = True
            try:
                access.require(Role.OWNER)
                await asyncio.to_thread(act)
                self._message.object = wrap("")
                self._store.publish(await asyncio.to_thread(self._store.read))
            except TesseraError as error:
                self._message.object = wrap(alarm(str(error)))
            finally:
                button.disabled = False

        button.on_click(clicked)
        return button

    def _ask(self, want: str) -> None:
        ledger.request(self._store.workspace, want)

    def _go_on(self) -> None:
        row = ledger.read_stream(self._store.workspace)
        if row is not None and row.alive:
            self._ask("run")
        else:
            start_command(self._store.workspace, "ingest", "--go-on")

    def _go_on_with(self, mpp: float | None) -> None:
        if not mpp:
            raise ConfigError("enter the size of a pixel of these slides in um first: 0.25 is 40x, 0.5 is 20x")
        given = configuration.from_mapping(IngestConfig, {"default_mpp": mpp}).default_mpp
        row = ledger.read_stream(self._store.workspace)
        if row is not None and row.alive:
            raise ConfigError("a resolution is used when the ingest continues: stop it first")
        start_command(self._store.workspace, "ingest", "--go-on", "--default-mpp", str(given))

    def _retry_of(self, reason: str) -> Callable[[], None]:
        def retry() -> None:
            ledger.retry_failed(self._store.workspace, reason)
            row = ledger.read_stream(self._store.workspace)
            if row is not None and not row.alive:
                self._go_on()

        return retry


def trouble_title(troubles: list[tuple[str, str, int, str]]) -> str:
    return f"{counted(sum(one[2] for one in troubles), 'slide')} of the archive could not be added"


def failure(failures: list[Activity], began: float) -> str:
    """Why the last attempt to go on came to nothing: it ended before the ledger heard of it."""
    later = [item for item in failures if item.kind == "ingest" and item.started > began]
    return alarm(later[0].message) if later else ""


def describe(facts: StreamFacts) -> str:
    """State, figures, shares of states and gauges as HTML."""
    row, totals = facts.row, facts.totals
    n, size = sum(total.slides for total in totals.values()), sum(total.bytes for total in totals.values())
    done = sum(totals[state].slides for state in ("tiled", "committed") if state in totals)
    numbers = number(f"{done:,} of {n:,}", "slides cut") + number(
        f"{size_words(facts.fetched)} of {size_words(size)}", "fetched"
    )
    if row.state == "running" and row.rate:
        numbers += number(f"{size_words(row.rate)}/s", "just now")
    if facts.left_s is not None and row.state == "running":
        numbers += number(f"about {duration(facts.left_s)}", "left")
    level = "error" if row.state == "failed" else "info"
    terms = f"<p class='quiet'>{_TERMS}</p>" if "GDC" in row.source else ""
    return (
        f"<h2>{escape(row.source)} {badge(row.state)}</h2>{alarm(row.message, level)}<div class='numbers'>{numbers}"
        "</div>"
        f"{_shares(facts)}{_gauges(facts)}{terms}"
    )


def _shares(facts: StreamFacts) -> str:
    """Where the archive's slides are: width by bytes, words with slides and bytes."""
    total = sum(one.bytes for one in facts.totals.values()) or 1
    in_words = _WORDS if facts.row.alive else _WORDS_AT_REST
    known = [(state, colour, facts.totals[state]) for state, colour in STREAM_COLOURS.items() if state in facts.totals]
    parts = "".join(
        f"<div style='width:{100 * one.bytes / total:.2f}%;background:{colour}' title='{in_words[state]}'></div>"
        for state, colour, one in known
    )
    words = "".join(
        f"<span><i style='background:{colour}'></i>{in_words[state]} {one.slides:,} · {size_words(one.bytes)}</span>"
        for state, colour, one in known
    )
    return f"<div class='shares'>{parts}</div><div class='key ts-stream-states'>{words}</div>"


def _gauges(facts: StreamFacts) -> str:
    row, config = facts.row, facts.row.stream
    most = f", at most {size_words(row.high_water)} so far" if row.high_water else ""
    gauges = _gauge("Slides on disk", row.slides_held, config.slide_budget, most, row.high_water)
    gauges += _gauge("Kept tiles", row.tiles_kept, config.tile_budget, "", 0)
    floor = f"of which {size_words(config.free_floor)} stay free" if config.free_floor else ""
    gauges += (
        f"<div class='gauge'><b>{size_words(facts.free_bytes)}</b> free on the volume<br><span>{floor}</span></div>"
    )
    return f"<div class='gauges'>{gauges}</div>"


def _gauge(label: str, used: int, limit: int, more: str, mark: int) -> str:
    at = f"<i style='left:{100 * min(mark / limit, 1):.1f}%'></i>" if mark else ""
    drawn = bar(used / limit).replace("</div></div>", f"</div>{at}</div>")
    return (
        f"<div class='gauge'><b>{size_words(used)}</b> of {size_words(limit)}{drawn}"
        f"<span>{escape(label)}{escape(more)}</span></div>"
    )
