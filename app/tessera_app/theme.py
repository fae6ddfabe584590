"""The look: type, spacing and colours in one place. Violet and rose are the colours of haematoxylin and eosin."""

from __future__ import annotations

from typing import Any

VIOLET, ROSE, INK, QUIET, LINE = "#4f3d8f", "#b8447a", "#23263a", "#656b80", "#e5e3ec"
BLUE, GREEN, ORANGE, RED, GREY = "#0b63a5", "#0b7a5c", "#9a5b00", "#b3261e", "#656b80"
FONT = 'system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", sans-serif'

STATE_COLOURS = {
    "done": GREEN,
    "finished": GREEN,
    "running": BLUE,
    "ingesting": BLUE,
    "queued": GREY,
    "found": GREY,
    "paused": ORANGE,
    "stopped": ORANGE,
    "set_aside": ORANGE,
    "duplicate": GREY,
    "empty": RED,
    "failed": RED,
    "reserved": GREY,
    "downloading": BLUE,
    "verifying": BLUE,
    "tiling": VIOLET,
    "tiled": "#6b8f3c",
    "committed": GREEN,
}

# Colours of the bar that says where an archive's slides are, in the order in which they go through the states.
STREAM_COLOURS = {
    "committed": GREEN,
    "tiled": "#9fc9b8",
    "tiling": VIOLET,
    "verifying": "#7fb3dd",
    "downloading": BLUE,
    "reserved": "#c3bfd4",
    "queued": "#e5e3ec",
    "set_aside": "#e0a94a",
    "failed": RED,
}

# Colours of the bar that says where the grid's positions went; kept first, in the order of
# tessera.slides.quality.Reason.
REASON_COLOURS = {
    "kept": GREEN,
    "no tissue": "#dcd9e6",
    "mostly white": "#c3bfd4",
    "blurred": "#e0a94a",
    "pen mark": "#56b4e9",
    "over the cap per slide": "#9fc9b8",
    "unreadable": RED,
}

# Light and dark: everything is mixed of the page's ground and ink and one accent, which Panel Material UI sets and
# changes.
_VARIABLES = f"""
:host {{ --paper: var(--panel-background-color, #fff); --ink: var(--panel-on-background-color, {INK});
  --violet: var(--panel-primary-color, {VIOLET}); --quiet: color-mix(in srgb, var(--ink) 72%, var(--paper));
  --line: color-mix(in srgb, var(--ink) 13%, var(--paper)); --ground: color-mix(in srgb, var(--ink) 4%, var(--paper));
  --tint: color-mix(in srgb, var(--violet) 10%, var(--paper)); --warn: color-mix(in srgb, {ORANGE} 80%, var(--ink));
    --font: {FONT}; }}
"""
CSS = (
    _VARIABLES
    + """
.ts { font: 14px/1.5 var(--font); color: var(--ink); }
.ts h2 { font-size: 22px; font-weight: 650; letter-spacing: -.01em; margin: 2px 0 4px; }
.ts h3 { font-size: 15px; font-weight: 650; margin: 18px 0 6px; }
.ts p { margin: 0 0 8px; } .ts .quiet { color: var(--quiet); font-size: 13px; }
.ts a { color: var(--violet); }
.ts code { font: 13px ui-monospace, monospace; background: var(--tint); padding: 2px 7px; border-radius: 5px; }
.ts .numbers { display: flex; flex-wrap: wrap; gap: 10px 34px; margin: 10px 0 14px; }
.ts .number b { display: block; font-size: 25px; font-weight: 600; line-height: 1.2; letter-spacing: -.02em;
  font-variant-numeric: tabular-nums; }
.ts .number span { color: var(--quiet); font-size: 12.5px; }
.ts .cards { display: grid; grid-template-columns: repeat(auto-fill, minmax(270px, 1fr)); gap: 16px; margin-top: 14px; }
.ts .card { border: 1px solid var(--line); border-radius: 12px; background: var(--paper); overflow: hidden; }
.ts .card .text { padding: 10px 14px 12px; }
.ts .card h4 { margin: 0 0 2px; font-size: 14px; font-weight: 650; overflow-wrap: anywhere; }
.ts .card > a { display: block; color: inherit; } .ts .card > a:hover { opacity: .88; }
.ts a:focus-visible { outline: 2px solid var(--violet); outline-offset: 2px; }
.ts .slide { position: relative; height: 200px; display: flex; justify-content: center; background: var(--ground);
  overflow: hidden; }
.ts .slide .stack { position: relative; height: 100%; }
.ts .slide .stack > img { display: block; height: 100%; max-width: none; }
.ts .slide > img { display: block; width: 100%; height: 100%; object-fit: cover; }
.ts .stack img.over { position: absolute; left: 0; top: 0; pointer-events: none; image-rendering: pixelated; }
.ts .waits { display: grid; place-items: center; width: 100%; color: var(--quiet); }
.ts .badge { display: inline-block; border-radius: 20px; padding: 1px 10px; font-size: 12px; font-weight: 550;
  line-height: 1.55;
  color: color-mix(in srgb, var(--c) 72%, var(--ink)); background: color-mix(in srgb, var(--c) 14%, var(--paper));
    vertical-align: 2px; letter-spacing: 0; white-space: nowrap; }
.ts table.plain { border-collapse: collapse; font-size: 13px; width: 100%; }
.ts table.plain th { color: var(--quiet); font-weight: 550; }
.ts table.plain td, .ts table.plain th { padding: 5px 14px 5px 0; text-align: left; vertical-align: top;
  border-bottom: 1px solid var(--line); overflow-wrap: anywhere; }
.ts table.plain tr:last-child td { border-bottom: 0; }
.ts table.plain td.n, .ts table.plain th.n { text-align: right; font-variant-numeric: tabular-nums; }
.ts .bar { height: 6px; border-radius: 3px; background: var(--line); overflow: hidden; margin: 6px 0; }
.ts table.plain td.ts-wide { width: 40%; vertical-align: middle; }
.ts .bar > div { height: 100%; border-radius: 3px; background: var(--violet); transition: width .6s; }
.ts .shares { display: flex; height: 10px; border-radius: 5px; overflow: hidden; gap: 1px; background: var(--paper);
  margin: 6px 0; }
.ts .gauges { display: flex; flex-wrap: wrap; gap: 8px 34px; margin: 14px 0 6px; }
.ts .gauge { flex: 1; min-width: 230px; max-width: 420px; font-size: 13px; }
.ts .gauge .bar { height: 10px; border-radius: 5px; position: relative; }
.ts .gauge .bar > div { border-radius: 5px; }
.ts .gauge .bar > i { position: absolute; top: 0; bottom: 0; width: 2px; background: var(--ink); }
.ts .gauge span { color: var(--quiet); }
.ts .key { display: flex; flex-wrap: wrap; gap: 3px 18px; color: var(--quiet); font-size: 12.5px; }
.ts .key i, .ts .dot { display: inline-block; width: 9px; height: 9px; border-radius: 3px; margin-right: 6px; }
.ts .dot { width: 12px; height: 12px; border-radius: 50%; }
.ts .alarm { border-left: 3px solid #c98a1b; background: color-mix(in srgb, #c98a1b 12%, var(--paper));
  padding: 8px 12px; margin: 6px 0; border-radius: 0 8px 8px 0; font-size: 13.5px; }
.ts .advice { border-left-color: #0b7a5c; background: color-mix(in srgb, #0b7a5c 12%, var(--paper)); }
.ts .error { border-left-color: #b3261e; background: color-mix(in srgb, #b3261e 12%, var(--paper)); }
.ts .info { border-left-color: #b9b4cd; background: var(--ground); }
.ts pre { background: #23263a; color: #ecebf3; padding: 12px 14px; border-radius: 10px; overflow: auto;
  max-height: 280px; font: 12px/1.5 ui-monospace, monospace; }
.ts .empty { text-align: center; padding: 64px 12px; color: var(--quiet); max-width: 620px; margin: 0 auto; }
.ts .empty h2 { color: var(--ink); }
.ts .empty p { font-size: 15px; line-height: 1.9; }
.ts .sheets { display: grid; grid-template-columns: repeat(auto-fill, minmax(210px, 1fr)); gap: 10px 14px; }
.ts .sheets figure { margin: 0; font-size: 13px; }
.ts .sheets img { width: 100%; border-radius: 6px; display: block; background: var(--line); min-height: 40px; }
.ts .doing { display: flex; align-items: center; gap: 12px; padding: 8px 14px; margin: 0 0 6px; border-radius: 10px;
  background: var(--tint); font-size: 13.5px; }
.ts .doing .bar { flex: 1; margin: 0; max-width: 420px; }
.ts .where { position: relative; display: inline-block; line-height: 0; }
.ts .where > img:first-child { display: block; width: 100%; border-radius: 8px; }
.ts .where img.over { position: absolute; left: 0; top: 0; opacity: .62; image-rendering: pixelated; }
.ts .where i { position: absolute; border: 2px solid #fff; outline: 3px solid #111; border-radius: 3px; min-width: 8px;
  min-height: 8px; }
.ts .found { display: flex; gap: 16px; align-items: flex-start; }
.ts .found > div:last-child { flex: 1; min-width: 0; overflow-wrap: anywhere; }
.ts .zoomed { position: relative; line-height: 0; width: 210px; flex: none; }
.ts .zoomed img { width: 100%; border-radius: 8px; }
.ts .zoomed .ts-middle { position: absolute; left: 33.33%; top: 33.33%; width: 33.33%; height: 33.33%;
  box-sizing: border-box; border: 2px solid #fff; outline: 2px solid #111; }
.ts .ts-parts summary { cursor: pointer; font-size: 13px; }
.ts .parts { display: flex; gap: 18px; align-items: flex-start; margin-top: 8px; }
.ts .parts figure { margin: 0; flex: none; font-size: 12px; }
.ts .parts figure img { border-radius: 8px; display: block; } .ts .parts table { margin-bottom: 10px; width: 520px; }
.ts .ts-sides { width: auto; } .ts .ts-sides img { border-radius: 6px; margin-right: 4px; }
.ts .zoomed .scale { position: absolute; left: 10px; bottom: 10px; height: 5px; background: #111;
  border: 1px solid #fff; }
.ts .zoomed .scale span { position: absolute; bottom: 12px; left: 0; font: 600 12px var(--font); color: #111;
  text-shadow: 0 0 3px #fff, 0 0 3px #fff, 0 0 3px #fff; white-space: nowrap; line-height: 1; }
.ts .term { border-bottom: 1px dotted #9a96ad; cursor: help; position: relative; outline-offset: 3px; }
.ts .term > em { display: none; position: absolute; z-index: 20; left: 0; top: calc(100% + 6px); width: 270px;
  padding: 9px 12px; border-radius: 9px; background: #23263a;
  color: #fff; font: 400 12.5px/1.45 var(--font); letter-spacing: 0; text-align: left; white-space: normal;
    box-shadow: 0 6px 24px #1a1a2e40; }
.ts .term:hover > em, .ts .term:focus > em { display: block; }
"""
)

# Panel's own Tabulator, in the type and the lines of the house
TABLE_CSS = f"""{_VARIABLES}
:host .tabulator.tabulator {{ font: 13px {FONT}; border: 0; background: var(--paper); }}
.tabulator.tabulator .tabulator-header,
  .tabulator.tabulator .tabulator-header .tabulator-col {{ background: var(--paper); border: 0; color: var(--quiet);
  font-size: 12.5px; font-weight: 550; }}
.tabulator.tabulator .tabulator-header {{ border-bottom: 1px solid var(--line); }}
.tabulator.tabulator .tabulator-header .tabulator-col .tabulator-col-content {{ padding: 6px 8px; }}
.tabulator.tabulator .tabulator-header .tabulator-col .tabulator-col-content .tabulator-col-title {{
  padding-right: 12px; white-space: normal;
  text-overflow: clip; line-height: 1.25; }}
.tabulator.tabulator .tabulator-row,
  .tabulator.tabulator .tabulator-row.tabulator-row-even {{ background: var(--paper) !important; color: var(--ink);
  border-bottom: 1px solid var(--line); cursor: pointer; }}
.tabulator.tabulator .tabulator-row:hover {{ background: var(--ground) !important; }}
.tabulator.tabulator .tabulator-row.tabulator-selected {{ background: var(--tint) !important; color: var(--ink); }}
.tabulator.tabulator .tabulator-row .tabulator-cell {{ border: 0; display: inline-flex; align-items: center;
  font-size: 13px; color: var(--ink) !important; }}
.tabulator.tabulator .tabulator-header-filter input {{ font: 12.5px {FONT}; color: var(--ink);
  background: var(--paper); border: 1px solid var(--line);
  border-radius: 6px; padding: 3px 6px; box-sizing: border-box; }}
.tabulator.tabulator .tabulator-footer {{ background: var(--paper); border: 0; }}
"""

_QUIET_CASE = {"styleOverrides": {"root": {"textTransform": "none", "letterSpacing": 0}}}


def _theme(primary: str, secondary: str, paper: str, ink: str) -> dict[str, Any]:
    return {
        "palette": {
            "primary": {"main": primary},
            "secondary": {"main": secondary},
            "background": {"default": paper, "paper": paper},
            "text": {"primary": ink},
        },
        "typography": {"fontFamily": FONT},
        "shape": {"borderRadius": 8},
        "components": {
            "MuiButton": _QUIET_CASE,
            "MuiToggleButton": _QUIET_CASE,
            "MuiTab": {
                "styleOverrides": {
                    "root": {"textTransform": "none", "fontSize": 15, "fontWeight": 550, "letterSpacing": 0}
                }
            },
            "MuiToolbar": {
                "styleOverrides": {
                    "root": {"minHeight": "48px !important", "padding": "0 !important", "margin": "0 !important"}
                }
            },
            "MuiAppBar": {
                "styleOverrides": {
                    "root": {
                        "backgroundColor": paper,
                        "backgroundImage": "none",
                        "color": ink,
                        "boxShadow": "none",
                        "boxSizing": "border-box",
                        "height": 48,
                        "borderBottom": f"1px solid color-mix(in srgb, {ink} 13%, {paper})",
                        "& .MuiBox-root:has(> a > .title), & .MuiLinearProgress-root": {"display": "none"},
                    }
                }
            },
        },
    }


THEME = {"light": _theme(VIOLET, ROSE, "#ffffff", INK), "dark": _theme("#b3a4f0", "#e58ab5", "#16161e", "#e6e5ef")}


def badge(state: str) -> str:
    """A coloured label for a state."""
    return f'<span class="badge" style="--c:{STATE_COLOURS.get(state, GREY)}">{state.replace("_", " ")}</span>'
