// Boxes over the page: keys, merging, moving tiles, dividing, a note, the history. Escape closes; focus goes back to the cluster.
import { el, key, plural, swatch } from "./el.js";

const KEYS = {
  Name: { N: "type a name", Enter: "save, next unnamed", "⇧ Enter": "save and stay", "1 … 9": "a name used before", A: "artefact", S: "skip, it comes again", Z: "undo, goes back there", "⇧ Z": "redo" },
  Clusters: { "↑ ↓": "previous, next in the list", M: "merge with…", D: "divide…", C: "compare with its nearest", "/": "find", H: "what was decided", Esc: "close, nothing open", F6: "next pane" },
  "Tiles, map, slide": { T: "into the tiles", G: "typical, middle, edge…", "− +": "smaller, larger tiles", Space: "choose a tile", "⇧ →": "choose a range", Enter: "large, with surroundings", Del: "take out", 0: "whole map, whole slide" },
}; // prettier-ignore
const FEWEST = 2;
const MOST_PARTS = 9;

export function dialogs(bench) {
  const { s } = bench;
  const veil = el("div", { class: "veil", hidden: true });
  const close = (rest = true) => {
    veil.hidden = true;
    veil.replaceChildren();
    if (rest) bench.rest();
  };
  const open = (title, about, body, feet, onkey, width = "") => {
    const box = el("div", { class: "dialog", role: "dialog", "aria-modal": "true", "aria-labelledby": "dialog-title", tabindex: "-1", style: width && `width:${width}` },
      el("h2", { id: "dialog-title" }, title), about ? el("p", { class: "about" }, about) : "", body,
      el("div", { class: "foot" }, feet)); // prettier-ignore
    box.addEventListener("keydown", (event) => {
      event.stopPropagation();
      if (event.key === "Escape") {
        event.preventDefault();
        close();
      } else if (event.key === "Tab") trap(event, box);
      else onkey?.(event);
    });
    veil.replaceChildren(box);
    veil.hidden = false;
    (box.querySelector("[autofocus]") ?? box).focus();
    return box;
  };
  veil.addEventListener("click", (event) => event.target === veil && close());
  const cancel = () => el("button", { type: "button", class: "btn", onclick: () => close() }, key("Esc"), "Cancel");

  const help = () => {
    const letters = el("input", { type: "checkbox", class: "letters", onchange: () => bench.setLetters(letters.checked) });
    letters.checked = s.letters;
    const column = (title, keys) =>
      el("div", {}, el("h3", {}, title), el("dl", {}, Object.entries(keys).flatMap(([k, text]) => [el("dt", {}, key(...k.split(" "))), el("dd", {}, text)])));
    open("Naming by keys", "Look at the tiles, press one key, and the next unnamed cluster opens. The largest come first.",
      el("div", { class: "cols" }, Object.entries(KEYS).map(([title, keys]) => column(title, keys))),
      [el("label", { class: "switch" }, letters, "Single-letter keys are on"), el("span", { class: "grow" }),
        el("button", { type: "button", class: "btn primary", onclick: () => close() }, "Close ", key("Esc"))],
      (event) => event.key === "?" && close()); // prettier-ignore
  };

  // Choose another cluster: the nearest have numbers, all others are found by name, or by # and number.
  const choose = (title, about, near, chosen, verb) => {
    let at = 0;
    let found = near;
    const field = el("input", { type: "search", class: "other", autofocus: true, placeholder: "Another one: its name, or # and its number", "aria-label": "Another cluster" });
    const rows = el("div", { role: "listbox", "aria-label": title, class: "mrows" });
    const take = (id) => {
      close(false);
      chosen(id);
    };
    const draw = () => {
      const wanted = field.value.trim().toLowerCase();
      const others = s.all().map((row) => row.id).filter((id) => id !== s.open);
      const fits = (id) => (wanted.startsWith("#") ? s.number(id) === wanted.slice(1).trim() : s.title(id).toLowerCase().includes(wanted));
      found = wanted ? others.filter(fits).slice(0, 8) : near.length ? near : others.slice(0, 4);
      at = Math.min(at, Math.max(found.length - 1, 0));
      rows.replaceChildren(
        ...found.map((id, i) =>
          el("div", { class: "mrow", role: "option", "aria-selected": String(i === at), "data-cluster": String(id), onclick: () => take(id) },
            wanted ? el("span", {}) : el("kbd", {}, String(i + 1)), three(id),
            el("span", {}, swatch(s.paint(id)), el("b", { dir: "auto" }, s.title(id)), el("br"), `No. ${s.number(id)}, ${plural(s.size(id), "tile")}`),
            el("span", { class: "muted" }, share(id))), // prettier-ignore
        ),
        found.length ? "" : el("p", { class: "muted" }, "No cluster is called so."),
      );
    };
    const share = (id) => {
      const value = s.nearest(s.open).find(([other]) => other === id)?.[1];
      return value ? `${Math.round(100 * value)} % alike` : "";
    };
    field.addEventListener("input", () => ((at = 0), draw()));
    draw();
    open(title, about, el("div", {}, field, rows),
      [el("span", { class: "grow" }), cancel(), el("button", { type: "button", class: "btn primary go", onclick: () => found[at] !== undefined && take(found[at]) }, `${verb} `, key("⏎"))],
      (event) => {
        if (event.key === "ArrowDown" || event.key === "ArrowUp") at = (at + (event.key === "ArrowDown" ? 1 : -1) + found.length) % Math.max(found.length, 1);
        else if (event.key === "Enter" && found[at] !== undefined && event.target.tagName !== "BUTTON") return event.preventDefault(), take(found[at]);
        else if (/^[1-9]$/.test(event.key) && !field.value && near[event.key - 1] !== undefined) return event.preventDefault(), take(near[event.key - 1]);
        else return;
        event.preventDefault();
        draw();
      }, "620px"); // prettier-ignore
  };
  const three = (id) => el("span", { class: "three" }, (s.rows.get(id)?.tiles ?? []).map((tile) => el("img", { src: `t/${tile}`, alt: "", width: 64, height: 64 })));
  const nearest = () => {
    const near = s.nearest(s.open).map(([id]) => id);
    return near.slice(0, 4);
  };
  const merge = () => choose(`Merge ${s.title(s.open)} with`, "Nearest first. A number merges at once; Z takes it back.", nearest(), (id) => bench.merge(s.open, id), "Merge");
  const move = () => choose(`Move ${plural(s.tiles.size, "tile")} to`, "Z brings them back.", nearest(), (id) => bench.moveTiles(id), "Move");
  const add = () => choose("Compare with", "", nearest().filter((id) => !s.compare.includes(id)), (id) => bench.compare([...s.compare, id]), "Add");

  const divide = () => {
    let parts = FEWEST;
    const body = el("div", { class: "parts", "aria-live": "polite" });
    const field = el("input", { type: "number", class: "n-parts", min: String(FEWEST), max: String(MOST_PARTS), value: String(parts), "aria-label": "Parts" });
    const go = el("button", { type: "button", class: "btn primary go", onclick: () => divideNow() }, "Divide ", key("⏎"));
    const divideNow = () => {
      if (go.disabled) return;
      close();
      bench.divide(parts);
    };
    const draw = async () => {
      const mine = parts;
      go.disabled = true;
      body.replaceChildren(el("p", { class: "muted" }, "Looking…"));
      const found = await bench.parts(s.open, mine);
      if (mine !== parts || veil.hidden) return;
      go.disabled = Boolean(found.error);
      if (found.error) return body.replaceChildren(el("p", { class: "alarm" }, found.error));
      body.dataset.parts = found.parts.length;
      body.replaceChildren(
        ...found.parts.map((part, i) =>
          el("div", { class: "part" }, el("b", {}, `${i + 1}`), el("span", { class: "muted" }, plural(part.n, "tile")),
            el("span", { class: "three" }, part.tiles.slice(0, 6).map(([tile]) => el("img", { src: `t/${tile}`, alt: "", width: 64, height: 64 }))))), // prettier-ignore
      );
    };
    const set = (n) => {
      if (n >= FEWEST && n <= MOST_PARTS && n !== parts) {
        parts = n;
        field.value = n;
        draw();
      }
    };
    field.addEventListener("input", () => set(Number(field.value)));
    open(`Divide ${s.title(s.open)}`, "Into parts whose tiles are alike. A number says how many; this is what each would hold.",
      el("div", {}, el("label", { class: "row" }, "Parts ", field), body), [el("span", { class: "grow" }), cancel(), go],
      (event) => {
        if (event.key === "Enter" && event.target.tagName !== "BUTTON") event.preventDefault(), divideNow();
        else if (/^[2-9]$/.test(event.key) && event.target !== field) set(Number(event.key));
      }, "620px"); // prettier-ignore
    draw();
  };

  const note = () => {
    const text = el("textarea", { class: "note-text", rows: "4", autofocus: true, "aria-label": "Note", dir: "auto", maxlength: "4000" });
    text.value = s.now().notes[s.open] ?? "";
    const id = s.open;
    const go = () => {
      close();
      bench.note(id, text.value);
    };
    open(`Note on ${s.title(id)}`, "", text,
      [el("span", { class: "grow" }), cancel(), el("button", { type: "button", class: "btn primary go", onclick: go }, "Save note ", key("Ctrl", "⏎"))],
      (event) => event.key === "Enter" && (event.ctrlKey || event.metaKey) && go(), "480px"); // prettier-ignore
  };

  const history = async () => {
    const body = el("div", { class: "history" }, el("p", { class: "muted" }, "Reading…"));
    open("What was decided", "The newest first. What is taken back can be made again.", body,
      [el("span", { class: "grow" }), el("button", { type: "button", class: "btn primary", onclick: () => close() }, "Close ", key("Esc"))]); // prettier-ignore
    const rows = await bench.decisions();
    body.replaceChildren(
      rows.length
        ? el("table", {}, el("thead", {}, el("tr", {}, ["When", "Who", "What", ""].map((head) => el("th", { scope: "col" }, head)))),
            el("tbody", {}, rows.map((row) => el("tr", { class: row.active ? "" : "back" }, el("td", {}, row.when), el("td", {}, row.author), el("td", { dir: "auto" }, row.words),
              el("td", {}, el("button", { type: "button", class: "btn", onclick: () => (close(), row.active ? bench.undo(row.id) : bench.redo(row.id)) }, row.active ? "Take back" : "Make again")))))) // prettier-ignore
        : el("p", { class: "muted" }, "Nothing has been decided about this run yet."),
    );
  };
  return { veil, help, merge, move, add, divide, note, history, close, get isOpen() { return !veil.hidden; } }; // prettier-ignore
}

function trap(event, box) {
  const stops = [...box.querySelectorAll("button:not(:disabled),input,select,textarea")];
  if (!stops.length) return;
  const active = box.getRootNode().activeElement;
  const last = event.shiftKey ? stops[0] : stops.at(-1);
  if (active === last || active === box) {
    event.preventDefault();
    (event.shiftKey ? stops.at(-1) : stops[0]).focus();
  }
}
