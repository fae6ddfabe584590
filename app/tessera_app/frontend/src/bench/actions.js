// What can be done: everything a key, a button or a menu does ends here.
import { plural } from "./el.js";

const draftsOf = (run) => `tessera.drafts.${run}`;

export function benchActions(bench) {
  const { s, model } = bench;
  let n = 0;
  let loading = "";

  const say = (text) => {
    s.said = text;
    bench.drawStrip();
  };
  const tell = (name, value) => {
    model.set(name, value);
    model.save_changes();
  };
  // Decisions wait in a queue until Python has answered them; what they will do is shown at once.
  const ask = (op) => {
    s.pending.push({ ...op, n: ++n });
    s.changed();
    tell("asks", s.pending.map((one) => ({ ...one })));
  };
  const answered = () => {
    const answer = model.get("answered") ?? {};
    const failed = s.pending.filter((op) => answer.errors?.[op.n]);
    s.pending = s.pending.filter((op) => op.n > (answer.n ?? 0));
    s.changed();
    for (const op of failed) {
      if (op.do === "name" && op.clusters.length === 1 && op.name) keepDraft(op.clusters[0], op.name); // what was typed is not lost
      s.said = answer.errors[op.n];
    }
    if (!failed.length && answer.said) s.said = answer.said;
    if (Number.isInteger(answer.open) && answer.open >= 0 && s.rows.has(answer.open)) open(answer.open, "loop");
    else if (Number.isInteger(answer.open) && answer.open >= 0) s.wanted = answer.open; // it comes with the next list
    bench.redraw();
  };

  // ---- half-typed names outlive another cluster and a reload
  const run = () => model.get("source")?.run ?? "";
  const store = () => {
    try {
      sessionStorage.setItem(draftsOf(run()), JSON.stringify([...s.drafts]));
    } catch {
      /* then they live as long as the page */
    }
  };
  const keepDraft = (id, text) => (s.drafts.set(id, text), store());
  const forgetDraft = (id) => (s.drafts.delete(id), store());
  const recall = () => {
    try {
      s.drafts = new Map(JSON.parse(sessionStorage.getItem(draftsOf(run())) ?? "[]"));
    } catch {
      s.drafts = new Map();
    }
  };

  // ---- opening
  const open = async (id, how = "loop") => {
    if (how !== "keep") s.chosen.clear();
    if (how !== "elsewhere" || id !== s.open) s.set = null;
    if (s.compare) tell("compared", []);
    s.compare = null;
    s.similar = null;
    const moved = id !== s.open;
    s.open = id;
    if (moved) {
      s.tiles.clear();
      s.cursor = -1;
      bench.drawer.close();
      tell("cluster", id);
      if (how !== "elsewhere" && model.get("lasso")?.n !== undefined) tell("let_go", (model.get("let_go") ?? 0) + 1);
    }
    bench.redraw(true);
    if (id >= 0) {
      bench.gallery.restart();
      bench.gallery.draw();
    }
    if (how === "loop") bench.rest();
    if (id < 0) return;
    const about = await bench.fetchGallery(id);
    if (s.open !== id || !about) return;
    bench.gallery.draw();
    bench.headPart.drawFacts(about);
    bench.rightPart.draw();
    bench.prefetch(s.nextUnnamed(id));
  };
  const next = (from) => open(s.nextUnnamed(from), "loop");

  // ---- the list arrives, anew when its clusters change
  const reload = async () => {
    const source = model.get("source") ?? {};
    const where = bench.where();
    if (!source.run) {
      Object.assign(s, { loaded: true, rows: new Map(), open: -1, set: null, compare: null });
      return bench.redraw();
    }
    const fresh = loading.split("/")[0] !== source.run;
    loading = where;
    if (fresh) {
      s.skipped = new Map();
      recall();
    }
    let found;
    try {
      found = await bench.listing();
    } catch {
      if (loading === where) say("The clusters cannot be read: has the run been removed?");
      return;
    }
    if (loading !== where) return;
    Object.assign(s, { rows: new Map(found.clusters.map((row) => [row.id, row])), n_slides: found.n_slides, n_tiles: found.n_tiles, loaded: true });
    s.changed();
    const wanted = s.wanted !== undefined && s.rows.has(s.wanted) ? s.wanted : s.open;
    s.wanted = undefined;
    s.compare = s.compare && s.compare.every((id) => s.rows.has(id)) ? s.compare : null;
    s.open = s.rows.has(wanted) || wanted < 0 ? wanted : s.nextUnnamed();
    if (s.open !== model.get("cluster")) tell("cluster", s.open);
    const about = s.open >= 0 ? bench.fetchGallery(s.open) : null;
    bench.redraw(true);
    if (s.open >= 0) {
      bench.gallery.restart();
      bench.gallery.draw();
      await about;
      if (loading !== where) return;
      bench.gallery.draw();
      bench.headPart.drawFacts();
      bench.rightPart.draw();
    }
    bench.prefetch(s.nextUnnamed(s.open));
    try {
      const { purity, near } = await bench.nearby();
      if (loading !== where) return;
      Object.assign(s, { purity, near });
      bench.redraw();
      if (!bench.gallery.element.hidden) bench.gallery.draw();
    } catch {
      /* the run has no features: no warnings of mixture */
    }
  };

  // ---- deciding
  const targets = () => (s.chosen.size > 1 ? [...s.chosen] : s.open >= 0 ? [s.open] : []);
  const saveName = (text, stay = false) => {
    const clusters = targets();
    const name = text.trim();
    if (!clusters.length) return;
    if (!name && !(clusters.length === 1 && s.nameOf(clusters[0]))) return say("Type a name first, or press S to skip.");
    clusters.forEach(forgetDraft);
    const title = clusters.length === 1 ? `No. ${s.number(clusters[0])}` : plural(clusters.length, "cluster");
    const tiles = clusters.reduce((sum, id) => sum + s.size(id), 0);
    if (clusters.length > 1 || name !== s.nameOf(clusters[0])) ask({ do: "name", clusters, name });
    s.said = name ? `${title} is “${name}”, ${plural(tiles, "tile")}. Z takes it back.` : `The name of ${title} is taken away. Z brings it back.`;
    settle(clusters, stay || !name);
  };
  const settle = (clusters, stay) => {
    clusters.forEach((id) => s.skipped.delete(id));
    if (stay) open(clusters[0], "loop");
    else next(clusters[0]);
  };
  const markArtefact = () => {
    const clusters = targets();
    if (!clusters.length) return;
    const back = clusters.every((id) => s.markOf(id) === "artefact");
    ask({ do: "mark", clusters, mark: back ? "" : "artefact" });
    s.said = `${clusters.length === 1 ? s.title(clusters[0]) : plural(clusters.length, "cluster")} ${back ? "is no artefact any more" : "is an artefact"}. Z takes it back.`;
    settle(clusters, back);
  };
  const mark = (value) => {
    ask({ do: "mark", clusters: [s.open], mark: value });
    bench.redraw();
  };
  const skip = () => {
    if (s.open >= 0 && !s.done(s.open)) {
      s.skipped.set(s.open, Math.max(0, ...s.skipped.values()) + 1);
      s.said = `No. ${s.number(s.open)} skipped: it comes again at the end.`;
    }
    next(s.open);
  };
  const merge = (a, b) => {
    const [into, gone] = s.nameOf(b) && !s.nameOf(a) ? [b, a] : [a, b];
    const named = s.nameOf(into);
    s.said = `No. ${s.number(gone)} now belongs to ${named ? `“${named}”` : `No. ${s.number(into)}`}. Z takes it back.`;
    ask({ do: "merge", clusters: [into, gone] });
    if (named && into !== a) next(gone);
    else open(into, "loop");
  };
  const mergeAll = (ids) => {
    const into = ids.find((id) => s.nameOf(id)) ?? ids[0];
    s.said = `${plural(ids.length, "cluster")} are one now. Z takes it back.`;
    ask({ do: "merge", clusters: [into, ...ids.filter((id) => id !== into)] });
    open(into, "loop");
  };
  const undo = (decision) => {
    s.said = "Taking it back…";
    ask({ do: "undo", decision: decision ?? null });
    bench.drawStrip();
  };
  const redo = (decision) => ask({ do: "redo", decision: decision ?? null });
  const compare = (ids) => {
    s.compare = [...new Set(ids)].slice(0, 4);
    if (s.compare.length < 2) s.compare = null;
    tell("compared", s.compare ?? []);
    bench.redraw();
    bench.rest();
  };
  const endCompare = () => {
    s.compare = null;
    tell("compared", []);
    bench.redraw();
    bench.gallery.draw();
    bench.rest();
  };

  // ---- tiles
  const takeOut = (tiles = [...s.tiles]) => {
    if (!tiles.length) return;
    ask({ do: "out", tiles });
    s.said = `${plural(tiles.length, "tile")} taken out: in no cluster and no export. Z brings them back.`;
    s.tiles.clear();
    bench.drawer.close();
    bench.redraw();
    bench.gallery.mark();
  };
  const moveTiles = (to) => {
    const tiles = [...s.tiles];
    ask(s.movingSet ? { do: "move", lasso: true, to } : { do: "move", tiles, to });
    s.said = `Moved to ${s.title(to)}. Z brings them back.`;
    s.tiles.clear();
    s.movingSet = false;
    bench.redraw();
  };
  const findSimilar = async (tile) => {
    const found = await bench.alikeTiles(tile);
    if (!found) return say("Its features cannot be read.");
    s.similar = found.tiles;
    bench.drawer.close();
    bench.gallery.draw();
    bench.gallery.grid.scrollTop = 0;
  };

  return {
    say, ask, answered, keepDraft, forgetDraft, open, reload, saveName, markArtefact, mark, skip, merge, undo, redo, compare, endCompare, takeOut, moveTiles, findSimilar,
    typeName: () => bench.headPart.input.focus(),
    help: () => bench.dialogs.help(),
    history: () => bench.dialogs.history(),
    askMerge: () => (s.chosen.size > 1 ? mergeAll([...s.chosen]) : s.open >= 0 && bench.dialogs.merge()),
    askDivide: () => s.open >= 0 && bench.dialogs.divide(),
    askNote: () => s.open >= 0 && bench.dialogs.note(),
    askMove: (set = false) => ((s.movingSet = set), bench.dialogs.move()),
    note: (id, text) => (ask({ do: "note", clusters: [id], text }), say(text.trim() ? "The note is saved." : "The note is taken away."), bench.redraw()),
    divide: (parts) => (say("Dividing…"), ask({ do: "divide", clusters: [s.open], parts })),
    mergeChosen: () => mergeAll([...s.chosen]),
    compareChosen: () => compare([...s.chosen]),
    compareNearest: () => (s.chosen.size > 1 ? compare([...s.chosen]) : s.nearest(s.open).length ? compare([s.open, s.nearest(s.open)[0][0]]) : say("Nothing is near it.")),
    mergeCompared: () => mergeAll(s.compare),
    keepApart: () => (endCompare(), say("Kept apart.")),
    addToComparison: () => bench.dialogs.add(),
    chooseNone: () => (s.chosen.clear(), bench.redraw()),
    setLetters: (on) => (s.letters = on),
    escape: () => (s.set ? bench.letGo() : s.chosen.size ? bench.chooseNone() : open(-1, "loop")),
    letGo: () => {
      s.set = null;
      tell("let_go", (model.get("let_go") ?? 0) + 1);
      bench.redraw();
      if (s.open >= 0) bench.gallery.draw();
      bench.rest();
    },
    showSet: () => {
      const found = model.get("lasso");
      s.set = found?.n !== undefined ? found : null;
      for (const [slide, name] of Object.entries(found?.slides ?? {})) bench.slides.set(Number(slide), name);
      s.tiles.clear();
      bench.redraw();
      if (!bench.gallery.element.hidden) bench.gallery.draw();
    },
    marked: (tile) => tell("tile", tile),
    large: (tile) => bench.drawer.show(tile),
    onSlide: (tile) => (tell("tile", tile), tell("visit", (model.get("visit") ?? 0) + 1)),
  }; // prettier-ignore
}
