// Rows of tiles, 4, 6 or 12 across so that rows of 12 end flush. Pictures come when they scroll into view. A click or Enter
// picks a tile, arrow keys walk; X or Ctrl-click chooses several to do something with, Escape lets them go.
import { make, mount } from "./lib/dom.js";
import { tileSource } from "./lib/tiles.js";

const STYLE = `
.ts-gallery{font:13px/1.45 system-ui,sans-serif;color:inherit}
.ts-gallery section{margin:0 0 14px}
.ts-gallery h4{margin:0;font:600 13px/1.4 system-ui,sans-serif;display:inline}
.ts-gallery p{margin:0 0 6px 8px;display:inline;opacity:.68;font-size:12.5px}
.ts-gallery{container-type:inline-size}
.ts-gallery .row{display:grid;grid-template-columns:repeat(4,minmax(0,var(--side)));gap:5px;margin-top:6px}
@container (min-width:520px){.ts-gallery .row{grid-template-columns:repeat(6,minmax(0,var(--side)))}}
@container (min-width:1000px){.ts-gallery .row{grid-template-columns:repeat(12,minmax(0,var(--side)))}}
.ts-tile{padding:0;border:0;border-radius:7px;background:var(--line);cursor:pointer;line-height:0;outline:2px solid transparent;
  outline-offset:1px;transition:outline-color .12s,transform .12s}
.ts-tile img{border-radius:7px;display:block;width:100%;aspect-ratio:1}
.ts-tile:hover{outline-color:color-mix(in srgb,var(--violet) 45%,var(--paper))}
.ts-tile:focus-visible{outline-color:var(--violet)}
.ts-tile[aria-pressed=true]{outline:3px solid var(--violet)}
.ts-tile{position:relative}
.ts-tile[data-chosen]::after{content:"✓";position:absolute;right:5px;top:5px;width:20px;height:20px;border-radius:50%;background:var(--violet);
  color:var(--paper);font:700 13px/20px system-ui,sans-serif;text-align:center;box-shadow:0 0 0 2px var(--paper)}
.ts-tile[data-chosen] img{opacity:.72}
`;

function render({ model, el }) {
  const box = make("div", "ts-gallery");
  box.style.setProperty("--side", `${model.get("side_px")}px`);
  const unmount = mount(el, STYLE, box);
  const source = tileSource(model);

  const pick = (id) => {
    model.set("picked", id);
    model.save_changes();
  };
  const choose = (ids) => {
    model.set("chosen", ids);
    model.save_changes();
    mark();
  };
  const toggle = (id) => {
    const chosen = model.get("chosen");
    choose(chosen.includes(id) ? chosen.filter((other) => other !== id) : [...chosen, id]);
  };
  const tile = (id) => {
    const made = make("button", "ts-tile");
    made.type = "button";
    made.dataset.tile = id;
    made.setAttribute("aria-label", `tile ${id}`);
    const image = make("img");
    image.loading = "lazy";
    image.decoding = "async";
    image.alt = "";
    source.address(id).then((address) => (image.src = address));
    made.append(image);
    made.onclick = (event) => (event.ctrlKey || event.metaKey || event.shiftKey ? toggle(id) : pick(id));
    return made;
  };
  const mark = () => {
    const chosen = new Set(model.get("chosen"));
    for (const button of box.querySelectorAll("button.ts-tile")) {
      const id = Number(button.dataset.tile);
      button.setAttribute("aria-pressed", id === model.get("picked"));
      button.toggleAttribute("data-chosen", chosen.has(id));
    }
  };
  const section = (row) => {
    const part = make("section");
    const title = make("h4", "", row.title);
    const help = make("p", "", row.help);
    const tiles = make("div", "row");
    tiles.append(...row.ids.map(tile));
    part.append(title, help, tiles);
    return part;
  };
  const draw = () => {
    const rows = model.get("rows").filter((row) => row.ids.length);
    box.replaceChildren(...rows.map(section));
    box.dataset.ready = rows.reduce((n, row) => n + row.ids.length, 0);
    mark();
  };
  const across = (button) => getComputedStyle(button.parentElement).gridTemplateColumns.split(" ").length;
  box.onkeydown = (event) => {
    const here = event.target;
    if (here.dataset?.tile && (event.key === "x" || event.key === "X")) toggle(Number(here.dataset.tile));
    if (event.key === "Escape") choose([]);
    const step = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: across(here), ArrowUp: -across(here) }[event.key];
    if (!step) return;
    const buttons = [...box.querySelectorAll("button.ts-tile")];
    const next = buttons[buttons.indexOf(here) + step];
    if (!next) return;
    event.preventDefault();
    next.focus();
    pick(Number(next.dataset.tile));
  };
  model.on("change:rows", draw);
  model.on("change:picked", mark);
  model.on("change:chosen", mark);
  draw();
  return unmount;
}
export default { render };
