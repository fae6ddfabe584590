// What is on a slide, a switch for each name (two clusters of one name are one) and for each cluster without one: its colour,
// its name and how many tiles it has here.
import { button, make, mount } from "./lib/dom.js";

const STYLE = `
.ts-switches{font:13px/1.4 system-ui,sans-serif;color:var(--ink);display:flex;flex-direction:column;gap:6px}
.ts-switches .top{display:flex;flex-wrap:wrap;gap:4px}
.ts-switches .top button{border:1px solid var(--line);background:var(--paper);font:500 12px/1 system-ui,sans-serif;color:var(--soft);padding:6px 10px;border-radius:7px;cursor:pointer}
.ts-switches .top button:hover{background:var(--tint)}
.ts-switches input[type=search]{border:1px solid var(--line);border-radius:7px;padding:6px 10px;font:inherit;color:inherit;background:var(--paper)}
.ts-switches ul{list-style:none;margin:0;padding:0;overflow:auto}
.ts-switches li{display:flex;align-items:center;gap:8px;padding:2px 6px;border-radius:7px}
.ts-switches li[aria-current=true]{background:var(--tint)}
.ts-switches li input{accent-color:var(--c);width:15px;height:15px;margin:0;flex:none}
.ts-switches li i{width:12px;height:12px;border-radius:50%;background:var(--c);flex:none}
.ts-switches li[data-shape="1"] i{border-radius:3px;background:repeating-linear-gradient(135deg,var(--c) 0 3px,var(--paper) 3px 5px)}
.ts-switches li[data-shape="2"] i{border-radius:3px;background:radial-gradient(var(--paper) 1.5px,var(--c) 2px)}
.ts-switches li[data-shape="3"] i{background:none} .ts-switches li[data-shape="3"] i::after{content:"✕";font:700 12px/1 system-ui;color:var(--c)}
.ts-switches li button{flex:1;min-width:0;text-align:left;border:0;background:none;font:inherit;color:inherit;padding:4px 0;cursor:pointer;overflow-wrap:anywhere;border-radius:5px}
.ts-switches li button:hover{text-decoration:underline}
.ts-switches :is(button,input):focus-visible{outline:2px solid var(--violet);outline-offset:1px}
.ts-switches li span{color:var(--quiet);font-variant-numeric:tabular-nums}
.ts-switches li img{height:44px;border-radius:4px;flex:none;background:var(--line)}
.ts-switches p{margin:0;color:var(--quiet)}
`;
const GREYS = ["#89919f", "#5b6270"]; // of what has no name, of artefacts
const MANY = 14; // from here on there is a field to search

function render({ model, el }) {
  const box = make("div", "ts-switches");
  const list = make("ul");
  const search = make("input");
  const none = make("p", "", model.get("choosing") ? "Nothing of that name is here." : "No cluster of that name is on this slide.");
  Object.assign(search, { type: "search", placeholder: "Search the clusters" });
  search.setAttribute("aria-label", "Search the clusters");
  list.style.maxHeight = model.get("height_px") ? `${model.get("height_px")}px` : "";
  const unmount = mount(el, STYLE, box);

  const hide = (ids) => {
    model.set("hidden", ids);
    model.save_changes();
    mark();
  };
  const all = () => model.get("rows").flatMap((row) => row.ids);
  const flip = (ids, on) => {
    const others = model.get("hidden").filter((one) => !ids.includes(one));
    hide(on ? others : [...others, ...ids]);
  };
  const choose = (id) => {
    model.set("chosen", id);
    model.save_changes();
    mark();
  };
  const top = make("div", "top");
  const only = (wanted) => hide(model.get("rows").filter((row) => !wanted(row)).flatMap((row) => row.ids));
  const choosing = model.get("choosing");
  top.append(
    button("All", choosing ? "Choose all" : "Paint all clusters", () => hide([])),
    button("None", choosing ? "Choose none" : "Paint no cluster", () => hide(all())),
    choosing ? button("Those with a name", "Choose what has a name", () => only((row) => row.named))
      : button("Only the open one", "Paint only the cluster that is marked in this list", () => only((row) => row.ids.includes(model.get("chosen")))),
  ); // prettier-ignore
  const item = (row) => {
    const line = make("li");
    line.dataset.id = row.ids[0];
    line.dataset.shape = row.shape ?? 0;
    line.style.setProperty("--c", row.colour || GREYS[row.shape === 3 ? 1 : 0]);
    line.ids = row.ids;
    const box = make("input");
    box.type = "checkbox";
    box.setAttribute("aria-label", `${choosing ? "export" : "paint"} ${row.name}`);
    box.onchange = () => flip(row.ids, box.checked);
    const name = button(row.name, `Open ${row.name}`, () => choose(row.ids[0]));
    if (row.ids.length > 1) name.title = `Open the largest of its ${row.ids.length} clusters`;
    line.append(box, make("i"), ...(row.picture ? [pictureOf(row)] : []), name, make("span", "", row.n.toLocaleString("en")));
    return line;
  };
  const pictureOf = (row) => {
    const image = make("img");
    Object.assign(image, { src: row.picture, alt: "", loading: "lazy" });
    return image;
  };
  const mark = () => {
    const hidden = new Set(model.get("hidden"));
    const wanted = search.value.trim().toLowerCase();
    let found = 0;
    for (const line of list.children) {
      line.querySelector("input").checked = !line.ids.every((id) => hidden.has(id));
      line.setAttribute("aria-current", line.ids.includes(model.get("chosen")));
      line.style.display = line.querySelector("button").textContent.toLowerCase().includes(wanted) ? "" : "none";
      if (!line.style.display) found++;
    }
    none.style.display = found || !list.children.length ? "none" : "";
  };
  const draw = () => {
    const rows = model.get("rows");
    list.replaceChildren(...rows.map(item));
    search.style.display = rows.length >= MANY ? "" : "none";
    top.style.display = rows.length ? "" : "none";
    box.dataset.ready = rows.length;
    mark();
  };
  box.append(top, search, list, none);
  search.oninput = mark;
  model.on("change:rows", draw);
  model.on("change:hidden", mark);
  model.on("change:chosen", mark);
  draw();
  return unmount;
}
export default { render };
