export const STYLE = `
.ts-slide-viewer{position:relative;width:100%;border-radius:10px;overflow:hidden;background:var(--ground);border:1px solid var(--line);box-sizing:border-box;
  font:13px/1.4 system-ui,sans-serif;color:var(--ink);touch-action:none}
.ts-slide-viewer:fullscreen{height:100% !important;border-radius:0}
.ts-slide-viewer:focus-within{border-color:color-mix(in srgb,var(--violet) 45%,var(--paper))}
.ts-stage{position:absolute;inset:0} .ts-stage *:focus{outline:none}
.ts-over{position:absolute;left:0;top:0;width:100%;height:100%;pointer-events:none;image-rendering:pixelated}
.ts-slide-bar{position:absolute;left:10px;top:10px;display:flex;flex-wrap:wrap;align-items:center;gap:2px;padding:3px;border-radius:9px;background:color-mix(in srgb,var(--paper) 93%,transparent);
  box-shadow:0 1px 4px #1a1a2e26;max-width:calc(83% - 40px)}
.ts-slide-bar button{border:0;background:none;font:500 12px/1 system-ui,sans-serif;color:var(--soft);padding:7px 9px;border-radius:7px;cursor:pointer}
.ts-slide-bar button:hover{background:var(--tint)}
.ts-slide-bar button:focus-visible,.ts-strength input:focus-visible{outline:2px solid var(--violet);outline-offset:1px}
.ts-slide-bar button[aria-pressed=true]{background:var(--violet);color:var(--paper)}
.ts-slide-viewer{container-type:inline-size}
@container (max-width:560px){.ts-slide-bar .ts-objectives,.ts-slide-bar .wide{display:none} .ts-slide-bar{left:6px;top:6px;flex-wrap:nowrap} .ts-slide-foot .ts-cursor{display:none}}
.ts-objectives{display:flex;border-left:1px solid var(--line);border-right:1px solid var(--line);margin:0 3px;padding:0 3px}
.ts-strength{display:flex;align-items:center;gap:6px;padding:0 8px;font:500 12px/1 system-ui,sans-serif;color:var(--soft)}
.ts-strength input{width:86px;accent-color:var(--violet);margin:0}
.ts-scale{position:absolute;left:14px;bottom:14px;height:5px;background:#111;border:1px solid #fff;box-sizing:border-box;pointer-events:none}
.ts-scale span{position:absolute;left:0;bottom:9px;font:600 13px/1 system-ui,sans-serif;color:#111;white-space:nowrap;
  text-shadow:0 0 3px #fff,0 0 3px #fff,0 0 3px #fff}
.ts-slide-foot{position:absolute;right:10px;bottom:10px;display:flex;gap:6px;font-variant-numeric:tabular-nums}
.ts-slide-foot span{background:color-mix(in srgb,var(--paper) 93%,transparent);border-radius:7px;padding:3px 9px;box-shadow:0 1px 4px #1a1a2e26;cursor:default}
.ts-slide-foot span:empty{display:none}
.ts-slide-hover{position:absolute;background:var(--paper);border-radius:8px;padding:4px 10px;box-shadow:0 4px 18px #1a1a2e55;pointer-events:none;max-width:260px;
  overflow-wrap:anywhere;z-index:3}
.ts-slide-hover i{display:inline-block;width:10px;height:10px;border-radius:50%;margin-right:7px}
.ts-slide-note{position:absolute;left:50%;bottom:44px;transform:translateX(-50%);background:color-mix(in srgb,#c98a1b 12%,var(--paper));border-left:3px solid #c98a1b;border-radius:0 8px 8px 0;
  padding:6px 12px;box-shadow:0 1px 4px #1a1a2e26}
`;
