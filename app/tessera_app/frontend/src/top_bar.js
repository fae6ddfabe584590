// The thin bar of every page: where one is, which run and clustering is looked at, how far naming has come, who reads, light or
// dark. It also keeps the address: `address` is written into it, and Back and Forward come back as `went`.
import { TOKENS } from "./bench/style.js";
import { el } from "./bench/el.js";

const STYLE = `${TOKENS}
.ts-top{display:flex;align-items:center;gap:12px;height:48px;padding:0 12px;background:var(--surface);white-space:nowrap;width:100%}
.brand{display:flex;gap:8px;align-items:center;font-size:15px;font-weight:700}
.ts-top nav{display:flex;height:100%}
.ts-top nav a{display:flex;align-items:center;padding:2px 9px 0;color:var(--muted);text-decoration:none;font-weight:500;border-bottom:2px solid transparent}
.ts-top nav a[aria-current]{color:var(--text);border-color:var(--accent);font-weight:600}.ts-top nav a:hover{color:var(--text)}
.ts-top nav a:focus-visible{outline-offset:-3px}
.choose{display:flex;gap:4px;min-width:0}
.ts-top select{height:32px;border:1px solid var(--line);border-radius:8px;background:var(--raised);padding:0 4px 0 8px;max-width:170px;font-weight:600;min-width:0}.ts-top select+select{font-weight:400;max-width:150px}
.ts-top select:hover{border-color:var(--edge)}
.progress{display:grid;gap:4px;font-size:12px;min-width:184px}.progress b{font-weight:600}
.track{height:6px;border-radius:3px;background:var(--line);display:flex;overflow:hidden}.track i{height:100%}
.doing{display:flex;gap:6px;align-items:center;font-size:12px;color:var(--muted);min-width:0;overflow:hidden;text-overflow:ellipsis}
.doing::before{content:"";width:8px;height:8px;border-radius:50%;background:var(--accent);flex:none}
.reader{display:flex;align-items:center;gap:7px}.reader input{height:32px;width:112px;border:1px solid var(--line);border-radius:8px;background:var(--raised);padding:0 8px}.reader input::placeholder{color:var(--muted);opacity:1}
.avatar{width:24px;height:24px;border-radius:50%;background:var(--soft);color:var(--accent);font-weight:600;font-size:11px;display:grid;place-items:center;flex:none}
.role{font-size:12px;color:var(--warn)}
.navmenu{display:none!important}
@media (max-width:1180px){.ts-top{gap:8px}.ts-top nav{display:none;position:fixed;top:48px;left:8px;z-index:40;height:auto;flex-direction:column;background:var(--surface);border:1px solid var(--edge);border-radius:8px;box-shadow:var(--shadow);padding:4px}
 .ts-top nav.shown{display:flex}.ts-top nav a{padding:7px 14px;border:0}.navmenu{display:grid!important}.brand span{display:none}}
@media (max-width:1099px){.progress{min-width:0}.reader input{width:84px}.doing{display:none}.progress .long,.role{display:none}.ts-top select{max-width:110px}.ts-top select+select{max-width:92px}}
`;
const MARK = [["1", "1", "var(--accent)"], ["11", "1", "#219271"], ["1", "11", "#e8c506"], ["11", "11", "#b84ea3"]]; // prettier-ignore
const MINOR = ["tile", "slide", "dark", "map", "view"]; // changes of these make no step of their own for Back

function logo() {
  const ns = "http://www.w3.org/2000/svg";
  const svg = document.createElementNS(ns, "svg");
  for (const [k, v] of Object.entries({ width: 20, height: 20, viewBox: "0 0 20 20", "aria-hidden": "true" })) svg.setAttribute(k, v);
  for (const [x, y, fill] of MARK) {
    const square = document.createElementNS(ns, "rect");
    for (const [k, v] of Object.entries({ x, y, width: 8, height: 8, rx: 2, fill })) square.setAttribute(k, v);
    svg.append(square);
  }
  return svg;
}

function render({ model, el: root }) {
  const set = (name, value) => (model.set(name, value), model.save_changes());
  const nav = el("nav", { "aria-label": "Pages" });
  const menu = el("button", { type: "button", class: "icon navmenu", "aria-label": "Pages", "aria-expanded": "false" }, "☰");
  menu.onclick = () => menu.setAttribute("aria-expanded", String(nav.classList.toggle("shown")));
  const run = el("select", { class: "ts-choose-run", "aria-label": "Run", onchange: () => set("run", run.value) });
  const interval = el("select", { class: "ts-choose-clustering", "aria-label": "Clustering", onchange: () => set("interval", Number(interval.value)) });
  const choose = el("div", { class: "choose" }, run, interval);
  const doing = el("span", { class: "doing", role: "status", hidden: true });
  const progress = el("div", { class: "progress ts-progress", role: "status" });
  const name = el("input", { class: "ts-author", placeholder: "Your name", "aria-label": "Your name: it stands in the history", maxlength: "80", autocomplete: "off" });
  name.oninput = () => set("author", name.value);
  name.onkeydown = (event) => event.key === "Enter" && name.blur();
  const avatar = el("span", { class: "avatar", "aria-hidden": "true" });
  const role = el("span", { class: "role" });
  const dark = el("button", { type: "button", class: "icon ts-dark", onclick: () => set("dark", !model.get("dark")) });
  const help = el("button", { type: "button", class: "icon", "aria-label": "Keys and help", title: "Keys and help (?)", onclick: () => set("help", model.get("help") + 1) }, "?");
  const bar = el("div", { class: "ts-top", role: "banner" },
    el("span", { class: "brand" }, logo(), el("span", {}, "Tessera")), menu, nav, choose, doing, el("span", { class: "grow" }), progress, role,
    el("label", { class: "reader" }, avatar, name), dark, help); // prettier-ignore
  const style = el("style", {});
  style.textContent = STYLE;
  root.append(style, bar);

  const pages = () =>
    nav.replaceChildren(
      ...model.get("pages").map((title, i) => {
        const go = (event) => {
          if (event.ctrlKey || event.metaKey) return;
          event.preventDefault();
          nav.classList.remove("shown");
          set("page", i);
        };
        return el("a", { href: `?page=${title.toLowerCase()}`, "aria-current": i === model.get("page") ? "page" : null, onclick: go }, title);
      }),
    );
  const runs = () => {
    const found = model.get("runs");
    choose.hidden = !found.length;
    run.replaceChildren(...found.map((one) => el("option", { value: one.name }, one.name + (one.state === "finished" ? "" : `, ${one.state}`))));
    run.value = model.get("run");
    const list = model.get("clusterings");
    interval.hidden = list.length < 2;
    interval.replaceChildren(...list.map((one) => el("option", { value: String(one.interval) }, one.title)));
    interval.value = String(model.get("interval"));
  };
  const drawProgress = () => {
    const found = model.get("progress") ?? {};
    progress.hidden = !found.clusters;
    if (!found.clusters) return progress.replaceChildren();
    const b = (text) => el("b", {}, text);
    progress.replaceChildren(
      el("span", {}, b(`${found.named.toLocaleString("en")} of ${found.clusters.toLocaleString("en")}`), el("span", { class: "long" }, " clusters"), " · ", b(`${Math.floor(100 * found.share)} %`), " of tiles", el("span", { class: "long" }, " named")),
      el("span", { class: "track", "aria-hidden": "true" }, found.parts.map(([colour, share]) => el("i", { style: `width:${100 * share}%;background:${colour}` }))),
    ); // prettier-ignore
  };
  const who = () => {
    const author = model.get("author");
    if (root.getRootNode().activeElement !== name) name.value = author;
    name.disabled = Boolean(model.get("login"));
    avatar.textContent = author.split(/\s+/).map((part) => part[0] ?? "").slice(-2).join("").toUpperCase() || "?"; // prettier-ignore
    role.textContent = model.get("may_change") ? "" : "you may look, not change";
  };
  const look = () => {
    const on = Boolean(model.get("dark"));
    bar.classList.toggle("dark", on);
    dark.textContent = on ? "☀" : "☾";
    dark.setAttribute("aria-label", on ? "Light page" : "Dark page");
    dark.title = on ? "Light page" : "Dark page";
  };
  const work = () => {
    const text = model.get("doing");
    doing.hidden = !text;
    doing.textContent = text;
    doing.title = text;
  };

  // ---- the address is the view
  const parts = (query) => Object.fromEntries([...new URLSearchParams(query)].filter(([name]) => !MINOR.includes(name)));
  const same = (a, b) => JSON.stringify(Object.entries(a).sort()) === JSON.stringify(Object.entries(b).sort());
  let first = true;
  const write = () => {
    const address = model.get("address");
    if (model.get("arrived") !== (model.get("went")?.n ?? 0)) return; // Python has not heard yet where Back led to
    if (!address || address === window.location.search) return;
    const minor = first || same(parts(address), parts(window.location.search));
    first = false;
    window.history[minor ? "replaceState" : "pushState"]({}, "", window.location.pathname + address);
  };
  const arrived = () => ((first = true), write()); // a link that says more or less than it shows is put right in its place
  const back = () => set("went", { n: (model.get("went")?.n ?? 0) + 1, search: window.location.search });
  window.addEventListener("popstate", back);

  const watched = { page: pages, pages, runs, run: runs, clusterings: runs, interval: runs, progress: drawProgress, author: who, login: who, may_change: who, dark: look, doing: work, address: write, arrived };
  for (const [name_, act] of Object.entries(watched)) model.on(`change:${name_}`, act);
  for (const act of new Set(Object.values(watched))) if (act !== arrived) act();
  return () => {
    window.removeEventListener("popstate", back);
    bar.remove();
    style.remove();
  };
}
export default { render };
