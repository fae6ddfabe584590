"""Slides as cards and as a table, in HTML. A card opens its slide; its mask is shown where somebody asks for it."""

from __future__ import annotations

from html import escape
from typing import Any

from tessera.words import counted

from tessera_app.pages.cohort.slides import SlideFacts, without_flags
from tessera_app.theme import REASON_COLOURS, badge

_STAINS = {
    "he": "H&E",
    "ihc": "immunohistochemistry",
    "special": "special stain",
    "fluorescence": "fluorescence",
    "grey": "grey",
}


def card(slide: SlideFacts, layer: str, tile_mpp: float) -> str:
    """One slide as a card.

    Args:
        slide: the slide.
        layer: what lies over its picture: nothing, mask or kept.
        tile_mpp: um per pixel of the tiles, 0 when there are none.
    """
    row = slide.row
    facts = counted(row["n_tiles"], "tile")
    if row["width"]:
        facts += f" · {row['width']:,} × {row['height']:,} px"
    counts = "".join(
        f"<tr><td>{escape(name)}</td><td class='n'>{n:,}</td></tr>"
        for name, n in slide.counts.items()
        if name != "kept"
    )
    dropped = (
        f"<details><summary class='quiet'>what was dropped</summary><table class='plain'>{counts}</table></details>"
        if counts
        else ""
    )
    picture = _picture(slide, layer)
    if row["width"] and row["kind"] == "slide":
        picture = f"<a href='{slide_address(row)}' title='Open this slide'>{picture}</a>"
    return (
        f"<div class='card' data-slide='{row['id']}'>{picture}<div class='text'><h4>{_name(row)} {badge(row['state'])}"
        "</h4>"
        f"{_archive_words(row)}{_reason(row, tile_mpp)}<p class='quiet'>{facts}</p>{_sources(row)}"
        f"{shares(slide.counts)}{dropped}</div></div>"
    )


def table(slides: list[SlideFacts]) -> str:
    """Slides as a table, one row each."""
    heads = ("slide", "state", "patient", "site", "stain", "µm/px", "from", "tiles", "reason")
    rows = "".join(
        f"<tr data-slide='{row['id']}'><td>{_name(row)}</td><td>{badge(row['state'])}</td><td>{escape(row['patient'])}"
        "</td>"
        f"<td>{escape(row['site'])}</td><td>{escape(stain_words(row))}</td><td class='n'>{_mpp(row)}</td>"
        f"<td>{escape(row['mpp_source'] or '')}</td><td class='n'>{row['n_tiles']:,}</td>"
        f"<td>{escape(without_flags(row['reason']))}</td></tr>"
        for row in (slide.row for slide in slides)
    )
    head = "".join(f"<th class='{'n' if name in ('µm/px', 'tiles') else ''}'>{name}</th>" for name in heads)
    return f"<table class='plain ts-slides'><tr>{head}</tr>{rows}</table>"


def shares(counts: dict[str, int], *, key: bool = False) -> str:
    """Where grid positions went, as one bar; with `key` also in words."""
    total = sum(counts.values())
    if not total:
        return ""
    known = [(reason, colour, counts[reason]) for reason, colour in REASON_COLOURS.items() if counts.get(reason)]
    parts = "".join(
        f"<div style='width:{100 * n / total:.2f}%;background:{colour}' title='{escape(reason)}: {n:,}'></div>"
        for reason, colour, n in known
    )
    words = "".join(
        f"<span><i style='background:{colour}'></i>{escape(reason)} {n:,}</span>" for reason, colour, n in known
    )
    return f"<div class='shares'>{parts}</div>" + (f"<div class='key'>{words}</div>" if key else "")


def stain_words(row: dict[str, Any]) -> str:
    """The stain, and whether it is a guess."""
    if not row["stain"]:
        return ""
    words = _STAINS.get(row["stain"], row["stain"])
    return f"{words} (guessed)" if row["stain_source"] == "guess" else words


def slide_address(row: dict[str, Any]) -> str:
    """Where the slide is looked at."""
    return f"?page=3&slide={row['id']}"


def grid_extent(row: Any) -> str:
    """CSS size of a slide's grid over its thumbnail, which both begin in the upper left corner."""
    width = 100 * row["grid_columns"] * row["step0"] / row["width"]
    height = 100 * row["grid_rows"] * row["step0"] / row["height"]
    return f"width:{width:.3f}%;height:{height:.3f}%"


def _name(row: dict[str, Any]) -> str:
    name = escape(row["name"])
    return f"<a href='{slide_address(row)}'>{name}</a>" if row["width"] and row["kind"] == "slide" else name


def _reason(row: dict[str, Any], tile_mpp: float) -> str:
    """Why a slide gave no tiles, or other ones than expected."""
    if not row["reason"]:
        return ""
    words = escape(without_flags(row["reason"]))
    if row["state"] == "done" and tile_mpp and row["mpp"]:  # the whole sentence is said once, above
        return f"<p class='quiet' title='{words}'>tiles enlarged {row['mpp'] / tile_mpp:.2f} times</p>"
    return f"<p class='quiet'>{words}</p>"


def _mpp(row: dict[str, Any]) -> str:
    return f"{row['mpp']:.3f}" if row["mpp"] else "–"


def _archive_words(row: dict[str, Any]) -> str:
    """What the archive, the file or the barcode says of a slide; empty for others."""
    about = [
        row["project"],
        f"patient {row['patient']}" if row["patient"] else "",
        f"site {row['site']}" if row["site"] else "",
        row["sample_type"],
    ]
    words = " · ".join(escape(word) for word in about if word)
    told = [row["patient_source"], row["site_source"]]
    source = ", ".join(sorted({word for word in told if word}))
    title = f"project, patient, tissue source site, sample type{'; from ' + source if source else ''}"
    return f"<p class='quiet ts-archive' title='{escape(title)}'>{words}</p>" if words else ""


def _sources(row: dict[str, Any]) -> str:
    """Resolution and stain, each with where it is known from."""
    words = [f"{row['mpp']:.3f} µm/px, from {row['mpp_source'] or 'the tiles'}" if row["mpp"] else "", stain_words(row)]
    said = " · ".join(escape(word) for word in words if word)
    reader = f"read by {row['reader']}" if row["reader"] else ""
    return f"<p class='quiet ts-known-from' title='{escape(reader)}'>{said}</p>" if said else ""


def _picture(slide: SlideFacts, layer: str) -> str:
    row = slide.row
    number_, version = row["id"], int(row["updated"])
    if slide.first_tile >= 0:
        return f"<div class='slide'><img src='t/{slide.first_tile}' alt='one of its tiles' loading='lazy'></div>"
    if not row["width"]:
        words = "waiting to be cut" if row["state"] in ("found", "ingesting") else "no picture"
        return f"<div class='slide'><div class='waits'>{words}</div></div>"
    over = ""
    if layer == "mask":
        style = "width:100%;height:100%;opacity:.62;mix-blend-mode:multiply;image-rendering:auto"
        over = f"<img class='over' loading='lazy' style='{style}' src='mask/{number_}?v={version}' alt=''>"
    elif layer == "kept" and row["grid_columns"]:
        over = f"<img class='over' loading='lazy' style='{grid_extent(row)}' src='kept/{number_}?v={version}' alt=''>"
    return (
        f"<div class='slide'><div class='stack'><img loading='lazy' src='thumbnail/{number_}?v={version}' "
        f"alt='overview of the slide {escape(row['name'])}'>{over}</div></div>"
    )
