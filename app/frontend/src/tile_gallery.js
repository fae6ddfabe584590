// Rows of tiles. In the dashboard images come over HTTP and are loaded when they scroll into view; a click picks a tile.
function render({ model, el }) {
  const box = document.createElement("div");
  box.className = "ts-gallery";
  el.append(box);

  const tile = (id) => {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "ts-tile";
    button.dataset.tile = id;
    button.style.cssText = `padding:0;border:2px solid transparent;border-radius:6px;background:none;cursor:pointer;line-height:0`;
    button.setAttribute("aria-label", `tile ${id}`);
    const image = document.createElement("img");
    image.loading = "lazy";
    image.decoding = "async";
    image.width = image.height = model.get("side_px");
    image.style.borderRadius = "4px";
    // in a notebook there are no routes: the pixels come with the model
    image.src = model.get("images")?.[id] ?? `${model.get("tile_url")}${id}`;
    button.append(image);
    button.onclick = () => {
      model.set("picked", id);
      model.save_changes();
    };
    return button;
  };
  const mark = () => {
    for (const button of box.querySelectorAll("button.ts-tile"))
      button.style.borderColor = Number(button.dataset.tile) === model.get("picked") ? "#0072b2" : "transparent";
  };
  const draw = () => {
    box.replaceChildren(
      ...model.get("rows").map((row) => {
        const section = document.createElement("section");
        const title = document.createElement("h4");
        title.textContent = row.title;
        title.style.cssText = "margin:10px 0 2px;font:600 13px system-ui,sans-serif";
        const help = document.createElement("p");
        help.textContent = row.help;
        help.style.cssText = "margin:0 0 6px;font:12px system-ui,sans-serif;opacity:.7";
        const tiles = document.createElement("div");
        tiles.style.cssText = "display:flex;flex-wrap:wrap;gap:4px";
        tiles.append(...row.ids.map(tile));
        section.append(title, help, tiles);
        return section;
      }),
    );
    box.dataset.ready = model.get("rows").reduce((n, row) => n + row.ids.length, 0);
    mark();
  };
  model.on("change:rows", draw);
  model.on("change:picked", mark);
  draw();
  return () => box.remove();
}
export default { render };
