"""The look: type, spacing and colours in one place."""

from __future__ import annotations

BLUE, GREEN, ORANGE, RED, GREY = "#0072b2", "#007a5a", "#b86e00", "#b3261e", "#5f6773"

STATE_COLOURS = {
    "done": GREEN, "finished": GREEN, "running": BLUE, "ingesting": BLUE, "queued": GREY, "found": GREY,
    "paused": ORANGE, "stopped": ORANGE, "set_aside": ORANGE, "duplicate": GREY, "empty": RED, "failed": RED,
}  # fmt: skip

CSS = """
.ts { font: 14px/1.45 system-ui, "Segoe UI", sans-serif; color: #1f2933; }
.ts h2 { font-size: 20px; margin: 0 0 4px; } .ts h3 { font-size: 16px; margin: 14px 0 4px; }
.ts p { margin: 0 0 8px; } .ts .quiet { color: #5f6773; font-size: 13px; }
.ts code { background: #eef1f5; padding: 2px 6px; border-radius: 4px; }
.ts .numbers { display: flex; flex-wrap: wrap; gap: 12px; margin: 8px 0 12px; }
.ts .number { background: #f4f6f9; border-radius: 8px; padding: 8px 16px; min-width: 90px; }
.ts .number b { display: block; font-size: 22px; } .ts .number span { color: #5f6773; font-size: 12px; }
.ts .cards { display: grid; grid-template-columns: repeat(auto-fill, minmax(250px, 1fr)); gap: 14px; }
.ts .card { border: 1px solid #dde2e9; border-radius: 10px; padding: 10px; background: #fff; }
.ts .card h4 { margin: 6px 0 2px; font-size: 14px; overflow-wrap: anywhere; }
.ts .slide { position: relative; height: 190px; display: flex; justify-content: center; background: #f7f8fa;
  border-radius: 6px; overflow: hidden; }
.ts .slide .stack { position: relative; height: 100%; } .ts .slide .stack > img { display: block; height: 100%; }
.ts .stack img.over { position: absolute; left: 0; top: 0; pointer-events: none; image-rendering: pixelated; }
.ts .badge { display: inline-block; border-radius: 10px; padding: 1px 10px; color: #fff; font-size: 12px; }
.ts table.plain { border-collapse: collapse; font-size: 13px; width: 100%; }
.ts table.plain td, .ts table.plain th { padding: 2px 10px 2px 0; text-align: left; vertical-align: top; }
.ts .bar { height: 8px; border-radius: 4px; background: #e4e8ee; overflow: hidden; margin: 4px 0; }
.ts .bar > div { height: 100%; background: #0072b2; }
.ts .alarm { border-left: 4px solid #b86e00; background: #fff7e8; padding: 6px 10px; margin: 4px 0; border-radius: 4px; }
.ts .advice { border-left-color: #007a5a; background: #e9f6f1; } .ts .error { border-left-color: #b3261e; background: #fdecea; }
.ts pre { background: #1f2933; color: #e8edf3; padding: 10px; border-radius: 8px; overflow: auto; max-height: 260px;
  font-size: 12px; }
.ts .empty { text-align: center; padding: 48px 12px; color: #5f6773; } .ts .empty h2 { color: #1f2933; }
.ts .where { position: relative; display: inline-block; } .ts .where > img:first-child { display: block; max-width: 100%; }
.ts .where img.over { position: absolute; left: 0; top: 0; opacity: .6; image-rendering: pixelated; }
.ts .where i { position: absolute; border: 3px solid #111; outline: 2px solid #fff; border-radius: 2px; }
"""


def badge(state: str) -> str:
    """A coloured label for a state."""
    return f'<span class="badge" style="background:{STATE_COLOURS.get(state, GREY)}">{state.replace("_", " ")}</span>'
