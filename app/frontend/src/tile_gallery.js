// Rows of tiles, 4, 6 or 12 across so that rows of 12 end flush. Pictures come when they scroll into view; a click or Enter picks a tile, arrow keys walk through them.
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
.ts-tile{padding:0;border:0;border-radius:7px;background:#ecebf0;cursor:pointer;line-height:0;outline:2px solid transparent;
  outline-offset:1px;transition:outline-color .12s,transform .12s}
.ts-tile img{border-radius:7px;display:block;width:100%;aspect-ratio:1}
.ts-tile:hover{outline-color:#b7aedb}
.ts-tile:focus-visible{outline-color:#4f3d8f}
.ts-tile[aria-pressed=true]{outline:3px solid #4f3d8f}
`;

function render({ model, el }) {
  const style = document.createElement("style");
  style.textContent = STYLE;
  const box = document.createElement("div");
  box.className = "ts-gallery";
  box.style.setProperty("--side", `${model.get("side_px")}px`);
  el.append(style, box);
  const source = tileSource(model);

  const pick = (id) => {
    model.set("picked", id);
    model.save_changes();
  };
  const tile = (id) => {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "ts-tile";
    button.dataset.tile = id;
    button.setAttribute("aria-label", `tile ${id}`);
    const image = document.createElement("img");
    image.loading = "lazy";
    image.decoding = "async";
    image.alt = "";
    source.address(id).then((address) => (image.src = address));
    button.append(image);
    button.onclick = () => pick(id);
    return button;
  };
  const mark = () => {
    for (const button of box.querySelectorAll("button.ts-tile"))
      button.setAttribute("aria-pressed", Number(button.dataset.tile) === model.get("picked"));
  };
  const section = (row) => {
    const part = document.createElement("section");
    const title = document.createElement("h4");
    title.textContent = row.title;
    const help = document.createElement("p");
    help.textContent = row.help;
    const tiles = document.createElement("div");
    tiles.className = "row";
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
  box.onkeydown = (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    const buttons = [...box.querySelectorAll("button.ts-tile")];
    const next = buttons[buttons.indexOf(event.target) + step];
    if (!next) return;
    event.preventDefault();
    next.focus();
    pick(Number(next.dataset.tile));
  };
  model.on("change:rows", draw);
  model.on("change:picked", mark);
  draw();
  return () => {
    box.remove();
    style.remove();
  };
}
export default { render };
