// What is known and what is meant: clusters from the server, decisions from the server, and on top of them what was just
// decided here and not answered yet. Everything shown is read from here, so the next gallery need not wait for an answer.
const SLOTS = 9;
const MIXED = 0.36; // share of own tiles among the nearest, below which a cluster is mixed
const UNSTABLE = 0.5; // overlap with itself one clustering before
const ONE_SLIDE = 0.85;
const NOTHING = { names: {}, marks: {}, notes: {}, paints: {}, slots: [], uses: {}, palette: [], classes: [], selections: [] };

export const FILTERS = ["unnamed", "mixed", "one slide", "unstable"];

export function benchState(model) {
  const s = {
    rows: new Map(), n_slides: 1, n_tiles: 0, purity: {}, near: {}, loaded: false,
    open: -1, chosen: new Set(), filter: "", find: "", sort: "gain", view: "spread", tile_px: 120, order: "near",
    cursor: -1, tiles: new Set(), compare: null, set: null, skipped: new Map(), drafts: new Map(), pending: [],
    letters: true, said: "",
  }; // prettier-ignore
  let shown = null; // decisions with what is pending applied

  const decided = () => ({ ...NOTHING, ...model.get("decided") });
  const apply = () => {
    const base = decided();
    shown = {
      ...base, names: { ...base.names }, marks: { ...base.marks }, slots: [...base.slots], uses: { ...base.uses },
      paints: { ...base.paints }, gone: new Set(), grown: new Map(),
    }; // prettier-ignore
    for (const op of s.pending) foresee(shown, op, s.rows);
  };
  s.changed = () => (shown = null);
  s.now = () => {
    if (!shown) apply();
    return shown;
  };
  s.nameOf = (id) => s.now().names[id] ?? "";
  s.markOf = (id) => s.now().marks[id] ?? "";
  s.done = (id) => Boolean(s.nameOf(id)) || s.markOf(id) === "artefact";
  s.size = (id) => (s.rows.get(id)?.size ?? 0) + (s.now().grown.get(id) ?? 0);
  s.number = (id) => s.rows.get(id)?.number ?? String(id);
  s.title = (id) => s.nameOf(id) || `No. ${s.number(id)}`;
  s.paintOf = (name) => s.now().paints[name] ?? nextPaint(s.now(), name);
  s.paint = (id) => {
    if (s.markOf(id) === "artefact") return { colour: "var(--art)", pattern: "cross" };
    return s.nameOf(id) ? s.paintOf(s.nameOf(id)) : { colour: "var(--unnamed)", pattern: "none" };
  };
  s.all = () => [...s.rows.values()].filter((row) => !s.now().gone.has(row.id));
  s.warnings = (id) => warnings(s, s.rows.get(id));
  s.fits = (row, filter) =>
    filter === "unnamed" ? !s.done(row.id) : s.warnings(row.id).some((warning) => warning.kind === filter);
  s.listed = () => {
    const wanted = s.find.trim().toLowerCase();
    const found = s.all().filter(
      (row) =>
        (!s.filter || row.id === s.open || s.fits(row, s.filter)) &&
        (!wanted || s.nameOf(row.id).toLowerCase().includes(wanted) || row.number === wanted.replace(/^(no\.?|#)\s*/, "")),
    );
    return found.sort(orders(s)[s.sort]);
  };
  s.nextUnnamed = (from = -1) => {
    const left = s.all().filter((row) => !s.done(row.id) && row.id !== from);
    left.sort((a, b) => (s.skipped.get(a.id) ?? 0) - (s.skipped.get(b.id) ?? 0) || s.size(b.id) - s.size(a.id) || a.id - b.id);
    return left[0]?.id ?? -1;
  };
  s.nearest = (id) => (s.near[id] ?? []).filter(([other]) => s.rows.has(other) && !s.now().gone.has(other));
  return s;
}

function foresee(shown, op, rows) {
  if (op.do === "name")
    for (const id of op.clusters) {
      if (op.name) shown.names[id] = op.name;
      else delete shown.names[id];
      if (op.mark !== undefined) shown.marks[id] = op.mark;
    }
  if (op.do === "name" && op.name) {
    shown.paints[op.name] ??= nextPaint(shown, op.name);
    take(shown, op.name);
  }
  if (op.do === "mark") for (const id of op.clusters) shown.marks[id] = op.mark;
  if (op.do === "merge") {
    const [into, ...others] = op.clusters;
    for (const id of others) {
      shown.gone.add(id);
      shown.grown.set(into, (shown.grown.get(into) ?? 0) + (rows.get(id)?.size ?? 0));
      if (!shown.names[into] && shown.names[id]) shown.names[into] = shown.names[id];
    }
  }
}

// A number keeps its name; the tenth name replaces the one unused longest. The server does the same.
function take(shown, name) {
  shown.uses[name] = Math.max(0, ...Object.values(shown.uses)) + 1;
  if (shown.slots.includes(name)) return;
  if (shown.slots.length < SLOTS) shown.slots.push(name);
  else {
    const uses = shown.slots.map((slot) => shown.uses[slot] ?? 0);
    shown.slots[uses.indexOf(Math.min(...uses))] = name;
  }
}

function nextPaint(shown, name) {
  const used = Object.entries(shown.paints).filter(([other, paint]) => other !== name && paint.pattern !== "cross").length;
  const n = shown.palette.length || 1;
  return { colour: shown.palette[used % n] ?? "#888888", pattern: ["plain", "hatched", "dotted"][Math.floor(used / n) % 3] };
}

function warnings(s, row) {
  if (!row) return [];
  const found = [];
  if (s.n_slides > 1 && row.share >= ONE_SLIDE)
    found.push({ kind: "one slide", title: "One slide.", text: `${Math.round(100 * row.share)} % from ${row.source}: tissue or stain?` });
  const purity = s.purity[row.id];
  if (purity !== undefined && purity !== null && purity < MIXED)
    found.push({ kind: "mixed", title: "Mixed.", text: `${Math.round(10 * purity)} of 10 nearest tiles are its own: see the edge.` });
  if (row.stability !== null && row.stability < UNSTABLE)
    found.push({ kind: "unstable", title: "Unstable.", text: `The clustering before had ${Math.round(100 * row.stability)} % of it.` });
  return found;
}

function orders(s) {
  const by_size = (a, b) => s.size(b.id) - s.size(a.id) || a.id - b.id;
  const near = new Map((s.near[s.open] ?? []).map(([id], place) => [id, place]));
  const place = (row) => (row.id === s.open ? -1 : near.get(row.id) ?? 99);
  return {
    gain: (a, b) => s.done(a.id) - s.done(b.id) || (s.skipped.get(a.id) ?? 0) - (s.skipped.get(b.id) ?? 0) || by_size(a, b),
    number: (a, b) => a.number.localeCompare(b.number, "en", { numeric: true }),
    name: (a, b) => (s.nameOf(a.id) || "\uffff").localeCompare(s.nameOf(b.id) || "\uffff") || by_size(a, b),
    near: (a, b) => place(a) - place(b) || by_size(a, b),
  };
}
