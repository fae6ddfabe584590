// The look of the map. What WebGL and the canvas draw cannot follow the page's variables, so it has two looks of its own.
export const HOVER_PX = 120;
export const LOOKS = {
  light: { ink: "#191d25", paper: "#ffffff", quiet: "#535b69", edge: "#868e9c", unnamed: "#89919f", artefact: "#5b6270", none: "#c3c7cf", lasso: "#4b3f9e" },
  dark: { ink: "#e9ecf1", paper: "#15181e", quiet: "#a6aebb", edge: "#737c8b", unnamed: "#646c7a", artefact: "#949caa", none: "#3c434f", lasso: "#b5abff" },
}; // prettier-ignore
export const rgb = (hex) => [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16));

export const STYLE = `
.ts-map{position:relative;width:100%;display:flex;flex-direction:column;background:var(--paper);font:13px/1.4 system-ui,sans-serif;color:var(--ink)}
.ts-map-bar{flex:none;display:flex;flex-wrap:wrap;align-items:center;gap:4px 8px;padding:6px 10px;border-bottom:1px solid var(--line)}
.ts-map{container-type:inline-size}
@container (max-width:470px){.ts-map-bar{gap:4px} .ts-map-bar label{font-size:0;gap:0} .ts-map-bar select{font-size:12.5px;max-width:96px} .ts-map-bar button{padding:6px 7px}}
.ts-map-bar label{display:flex;align-items:center;gap:6px;color:var(--soft);font-size:12.5px}
.ts-map-bar select{font:inherit;color:var(--ink);background:var(--paper);border:1px solid var(--line);border-radius:7px;padding:4px 6px;max-width:130px}
.ts-map-bar .group{display:flex;border:1px solid var(--line);border-radius:7px;padding:1px;margin-left:auto}
.ts-map-bar button{border:0;background:none;font:550 12.5px/1 system-ui,sans-serif;color:var(--soft);padding:6px 9px;border-radius:6px;cursor:pointer}
.ts-map-bar>button{border:1px solid var(--line);border-radius:7px}
.ts-map-bar button:hover{background:var(--tint)}
.ts-map-bar button[aria-pressed=true]{background:var(--tint);color:var(--ink);box-shadow:inset 0 0 0 1px color-mix(in srgb,var(--ink) 45%,var(--paper))}
.ts-map :is(button,select):focus-visible,.ts-map-stage:focus-visible{outline:2px solid var(--violet);outline-offset:1px}
.ts-map-stage:focus-visible{outline-offset:-2px}
.ts-map-stage{position:relative;flex:1;min-height:80px;overflow:hidden;touch-action:none;cursor:grab;user-select:none}
.ts-map-stage[data-mode=lasso]{cursor:crosshair} .ts-map-stage[data-over=true]{cursor:pointer}
.ts-map-stage canvas{position:absolute;inset:0;width:100%;height:100%;display:block} .ts-map-stage canvas+canvas{pointer-events:none}
.ts-map-hover{position:absolute;display:none;width:${HOVER_PX}px;padding:3px;border-radius:8px;background:var(--paper);
  box-shadow:0 4px 18px #1a1a2e55;pointer-events:none;z-index:3;font-size:12px;line-height:1.35}
.ts-map-hover img{width:${HOVER_PX - 6}px;height:${HOVER_PX - 6}px;border-radius:6px;display:block;background:var(--line)}
.ts-map-hover span{display:block;padding:3px 3px 1px;overflow-wrap:anywhere}
.ts-map-note{position:absolute;inset:0;display:grid;place-items:center;text-align:center;padding:20px;color:var(--quiet);pointer-events:none}
.ts-map-key{position:absolute;right:8px;bottom:8px;max-width:46%;max-height:60%;overflow:auto;padding:5px 9px;border-radius:8px;background:color-mix(in srgb,var(--paper) 92%,transparent);
  font-size:12px;box-shadow:0 1px 4px #1a1a2e26}
.ts-map-key div{display:flex;align-items:center;gap:6px;overflow-wrap:anywhere} .ts-map-key i,.ts-lasso-card i{width:10px;height:10px;border-radius:3px;flex:none}
.ts-map-key .ramp{height:8px;width:130px;border-radius:4px;display:block}
.ts-lasso-card{position:absolute;left:8px;bottom:8px;width:236px;max-width:calc(100% - 16px);padding:8px 10px;border-radius:10px;background:var(--paper);box-shadow:0 4px 18px #1a1a2e40;
  font-size:12px;cursor:default}
.ts-lasso-card header{display:flex;align-items:center;gap:8px;margin-bottom:4px} .ts-lasso-card b{font-size:13px;font-weight:600;flex:1}
.ts-lasso-card header button{border:1px solid var(--line);background:none;color:var(--soft);font:550 12px/1 system-ui,sans-serif;border-radius:6px;padding:5px 8px;cursor:pointer}
.ts-lasso-card .part{display:flex;align-items:center;gap:6px;line-height:1.6} .ts-lasso-card .part span{flex:1;min-width:0;overflow:hidden;text-overflow:ellipsis;white-space:nowrap}
.ts-lasso-card .tiles{display:grid;grid-template-columns:repeat(6,1fr);gap:2px;margin-top:6px} .ts-lasso-card img{width:100%;aspect-ratio:1;border-radius:3px;background:var(--line);display:block}
`;
