// Small helpers to build what is shown. Text is always set as text: names may hold HTML.
export function el(tag, props = {}, ...children) {
  const made = document.createElement(tag);
  for (const [key, value] of Object.entries(props)) {
    if (value === undefined || value === null || value === false) continue;
    if (key === "class") made.className = value;
    else if (key === "style") made.style.cssText = value;
    else if (key.startsWith("on")) made[key] = value;
    else if (key in made && typeof value !== "string") made[key] = value;
    else made.setAttribute(key, value === true ? "" : value);
  }
  made.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return made;
}

export const key = (...names) => names.map((name) => el("kbd", {}, name));
export const count = (n) => n.toLocaleString("en");
export const percent = (share) => (share && share < 0.01 ? `${(100 * share).toFixed(1)} %` : `${Math.round(100 * share)} %`);
export const plural = (n, one, many = `${one}s`) => `${count(n)} ${n === 1 ? one : many}`;

// A square in the colour and pattern of a name.
export const swatch = (paint) => el("span", { class: `sw ${paint.pattern}`, style: `--c:${paint.colour}`, "aria-hidden": "true" });

export const picture = (tile, px) =>
  el("img", { src: `t/${tile}`, width: px, height: px, alt: "", decoding: "async", draggable: false, class: "tile" });

// A group of buttons is one stop of Tab; arrows go along it.
export function rove(group) {
  const buttons = () => [...group.querySelectorAll("button:not(:disabled)")];
  const mark = (at) => buttons().forEach((button) => (button.tabIndex = button === at ? 0 : -1));
  const settle = () => {
    const all = buttons();
    mark(all.find((b) => b.matches("[aria-selected=true],[aria-pressed=true]")) ?? all[0]);
  };
  group.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    const all = buttons();
    const at = all.indexOf(event.target);
    if (!step || at < 0) return;
    event.preventDefault();
    event.stopPropagation();
    const next = all[(at + step + all.length) % all.length];
    mark(next);
    next.focus();
  });
  group.addEventListener("focusin", (event) => buttons().includes(event.target) && mark(event.target));
  settle();
  return settle;
}
