// The open cluster's head: its name first. The field always shows what Enter saves: a completion is selected text.
import { count, el, key, percent, plural, rove, swatch } from "./el.js";

const PICKS = 6;
const MARKS = { "": "not said", tissue: "tissue", artefact: "artefact", mixed: "mixed", unknown: "don't know" };

export function clusterHead(bench) {
  const { s } = bench;
  const number = el("span", { class: "no ts-open-name" });
  const input = el("input", {
    class: "name", role: "combobox", "aria-expanded": "false", "aria-controls": "picks", "aria-autocomplete": "both",
    autocomplete: "off", spellcheck: "false", maxlength: "80", dir: "auto",
  }); // prettier-ignore
  const pick = el("ul", { class: "pick", id: "picks", role: "listbox", "aria-label": "Names", hidden: true });
  const save = el("button", { type: "button", class: "btn tall save", onclick: () => bench.saveName(input.value) }, "Save and next ", key("⏎"));
  const quick = el("div", { class: "quick", role: "group", "aria-label": "Names used so far" });
  const acts = el("div", { class: "acts", role: "group", "aria-label": "What to do with it" });
  const facts = el("div", { class: "facts" });
  const element = el("div", { class: "head" },
    el("div", { class: "namerow" }, number, el("div", { class: "combo" }, input, el("kbd", { class: "n", "aria-hidden": "true" }, "N"), pick), save),
    quick, acts, facts); // prettier-ignore
  const settled = [rove(quick), rove(acts)];
  const action = (letter, label, act) => el("button", { type: "button", class: `btn do-${label.toLowerCase().replace(/\W/g, "")}`, onclick: act }, letter ? key(letter) : "", label);
  const artefact = action("A", "Artefact", () => bench.markArtefact());
  const undo = action("Z", "Undo", () => bench.undo());
  acts.append(
    artefact, action("S", "Skip", () => bench.skip()), action("M", "Merge…", () => bench.askMerge()),
    action("D", "Divide…", () => bench.askDivide()), action("C", "Compare", () => bench.compareNearest()),
    el("span", { class: "grow" }), undo,
  ); // prettier-ignore
  let picks = [];
  let at = -1;

  // ---- names to choose from
  const offered = (typed) => {
    const now = s.now();
    const sizes = new Map();
    for (const row of s.all()) if (s.nameOf(row.id)) sizes.set(s.nameOf(row.id), (sizes.get(s.nameOf(row.id)) ?? 0) + s.size(row.id));
    const part = now.parents?.[s.open];
    const used = [...sizes.keys()].sort((a, b) => sizes.get(b) - sizes.get(a));
    const names = [...new Set([...(part ? [part] : []), ...used, ...now.classes])];
    const wanted = typed.trim().toLowerCase();
    const first = names.filter((name) => name.toLowerCase().startsWith(wanted));
    const rest = names.filter((name) => !first.includes(name) && name.toLowerCase().includes(wanted));
    return [...first, ...rest].slice(0, PICKS).map((name) => ({ name, n: sizes.get(name) ?? 0 }));
  };
  const marked = (name, typed) => {
    const from = typed ? name.toLowerCase().indexOf(typed.toLowerCase()) : -1;
    if (from < 0) return [name];
    return [name.slice(0, from), el("mark", {}, name.slice(from, from + typed.length)), name.slice(from + typed.length)];
  };
  const showPicks = (typed) => {
    const { slots } = s.now();
    pick.replaceChildren(
      ...picks.map((one, place) => {
        const props = { role: "option", id: `pick-${place}`, "aria-selected": String(place === at), onmousedown: (event) => (event.preventDefault(), bench.saveName(one.name)) };
        if (one.fresh) return el("li", { ...props, class: "new" }, `New name “${one.name}”`);
        const slot = slots.indexOf(one.name);
        return el("li", props, swatch(one.n || slot >= 0 ? s.paintOf(one.name) : { colour: "var(--unnamed)", pattern: "none" }),
          el("span", { dir: "auto" }, marked(one.name, typed)),
          el("span", { class: "q" }, one.n ? `${count(one.n)} tiles` : "class list", slot >= 0 ? key(String(slot + 1)) : "")); // prettier-ignore
      }),
    );
    pick.hidden = !picks.length;
    input.setAttribute("aria-expanded", String(!pick.hidden));
    if (at >= 0) input.setAttribute("aria-activedescendant", `pick-${at}`);
    else input.removeAttribute("aria-activedescendant");
  };
  const hidePicks = () => {
    pick.hidden = true;
    input.setAttribute("aria-expanded", "false");
    input.removeAttribute("aria-activedescendant");
  };
  const keepDraft = () => {
    if (s.open < 0 || s.chosen.size > 1) return;
    if (input.value === s.nameOf(s.open)) bench.forgetDraft(s.open);
    else bench.keepDraft(s.open, input.value);
    save.classList.toggle("primary", Boolean(input.value.trim()));
  };
  input.addEventListener("input", (event) => {
    const typed = input.value;
    picks = offered(typed);
    at = -1;
    const inserted = /^insert(?!FromPaste)/.test(event.inputType ?? "");
    if (typed && inserted && picks[0]?.name.toLowerCase().startsWith(typed.toLowerCase())) {
      at = 0;
      input.value = picks[0].name;
      input.setSelectionRange(typed.length, input.value.length);
    }
    if (typed.trim() && !picks.some((one) => one.name.toLowerCase() === typed.trim().toLowerCase())) {
      picks.push({ name: typed.trim(), fresh: true, n: 0 });
      if (at < 0) at = picks.length - 1;
    }
    keepDraft();
    showPicks(typed);
  });
  input.addEventListener("focus", () => {
    picks = offered("");
    at = -1;
    if (!input.value) showPicks("");
    input.select();
    bench.drawStrip();
  });
  input.addEventListener("blur", () => {
    hidePicks();
    bench.drawStrip();
  });
  input.addEventListener("keydown", (event) => {
    const slot = s.now().slots[Number(event.key) - 1];
    if (event.key === "Enter") bench.saveName(input.value, event.shiftKey);
    else if (event.key === "Escape") {
      bench.forgetDraft(s.open);
      input.value = s.nameOf(s.open);
      bench.rest();
    } else if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      if (pick.hidden) picks = offered("");
      if (picks.length) at = (at + (event.key === "ArrowDown" ? 1 : at < 0 ? 0 : -1) + picks.length) % picks.length;
      if (picks[at]) input.value = picks[at].name;
      keepDraft();
      showPicks("");
    } else if (/^[1-9]$/.test(event.key) && !input.value && slot) bench.saveName(slot);
    else {
      event.stopPropagation();
      return;
    }
    event.preventDefault();
    event.stopPropagation();
  });

  // ---- what is shown
  const sources = (about) => {
    const parts = about?.sources?.slide ?? [];
    if (parts.length < 2 && s.n_slides < 2) return "";
    return el("span", { class: "src", title: "Where its tiles come from" },
      el("span", { class: "stack", "aria-hidden": "true" }, parts.slice(0, 3).map(([, , share], i) => el("i", { style: `width:${100 * share}%;background:var(--s${i})` }))),
      parts.slice(0, 3).map(([name, , share]) => el("span", { title: name }, short(name, parts.map(([other]) => other)), " ", el("b", {}, percent(share))))); // prettier-ignore
  };
  const markField = () => {
    const select = el("select", { class: "mark", "aria-label": "What it is", onchange: () => bench.mark(select.value) },
      Object.entries(MARKS).map(([value, text]) => el("option", { value }, text))); // prettier-ignore
    select.value = s.markOf(s.open);
    return select;
  };
  const drawQuick = () => {
    const { slots } = s.now();
    const focused = quick.contains(bench.active()) ? bench.active().dataset.slot : undefined;
    quick.replaceChildren(
      ...slots.map((name, i) =>
        el("button", { type: "button", class: "qn", "data-slot": String(i), title: `Name it ${name} and go on`, onclick: () => bench.saveName(name) },
          key(String(i + 1)), swatch(s.paintOf(name)), el("span", { class: "t", dir: "auto" }, name)), // prettier-ignore
      ),
      slots.length ? "" : el("span", { class: "hint" }, "Names you give appear here, each with a number key."),
    );
    settled[0]();
    if (focused !== undefined) quick.querySelector(`[data-slot="${focused}"]`)?.focus();
  };
  const draw = () => {
    const several = s.chosen.size > 1;
    const name = s.nameOf(s.open);
    number.replaceChildren(swatch(several ? { colour: "var(--unnamed)", pattern: "none" } : s.paint(s.open)), several ? plural(s.chosen.size, "cluster") : `No. ${s.number(s.open)}`);
    number.title = name;
    input.placeholder = several ? "Name them all" : "Name this cluster";
    input.setAttribute("aria-label", several ? `Name of ${s.chosen.size} clusters` : `Name of cluster ${s.number(s.open)}`);
    const typing = bench.active() === input;
    const value = several ? "" : s.drafts.get(s.open) ?? name;
    if (input.dataset.of !== String(s.open) || !typing) input.value = value;
    input.dataset.of = s.open;
    save.classList.toggle("primary", Boolean(input.value.trim()));
    artefact.setAttribute("aria-pressed", String(s.markOf(s.open) === "artefact"));
    undo.disabled = !s.now().undo && !s.pending.length;
    undo.title = s.now().undo ? `Take back: ${s.now().undo}` : "";
    settled[1]();
    drawQuick();
    drawFacts();
  };
  const drawFacts = (about = bench.about()) => {
    const share = s.size(s.open) / Math.max(s.n_tiles, 1);
    const note = s.now().notes[s.open];
    facts.replaceChildren(
      el("span", {}, el("b", {}, count(s.size(s.open))), " tiles, ", el("b", {}, percent(share)), " of all"),
      sources(about), el("span", { class: "grow" }),
      el("button", { type: "button", class: note ? "noted said" : "noted", title: note || "Write a note on this cluster", onclick: () => bench.askNote() }, note ? "Note" : "Add a note"), markField(),
    ); // prettier-ignore
  };
  return { element, input, draw, drawFacts };
}

// What tells a slide from the others: its name without the words that all begin with.
export function short(name, all = []) {
  let common = all.length > 1 ? all.reduce((a, b) => a.slice(0, [...a].findIndex((c, i) => c !== b[i]) >>> 0)) : "";
  common = common.slice(0, Math.max(...["_", "-", " ", "."].map((mark) => common.lastIndexOf(mark))) + 1);
  const own = name.slice(common.length) || name;
  return own.length > 12 ? `…${own.slice(-9)}` : own;
}
