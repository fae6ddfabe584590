// Figures over HTTP. Their addresses carry a version, so an answer never changes and is kept.
const KEPT = 64;

export function benchFetch(bench) {
  const { s, model } = bench;
  const kept = new Map();
  const at = () => model.get("source") ?? {};
  const address = (kind, ...rest) => {
    const { run, interval, version } = at();
    return `${[kind, run, interval, ...rest].join("/")}?v=${version}`;
  };
  const read = async (url) => {
    const response = await fetch(url, { credentials: "same-origin" });
    if (!response.ok) throw new Error(`${response.status}`);
    return response.json();
  };
  const keep = (url) => {
    if (!kept.has(url)) {
      const answer = read(url);
      answer.catch(() => kept.delete(url));
      kept.set(url, answer);
      if (kept.size > KEPT) kept.delete(kept.keys().next().value);
    }
    return kept.get(url);
  };
  const known = new Map(); // galleries that have arrived, by address
  const fetchGallery = async (id) => {
    const url = address("gallery", id);
    try {
      const found = await keep(url);
      for (const [slide, name] of Object.entries(found.slides)) bench.slides.set(Number(slide), name);
      known.set(url, found);
      return found;
    } catch {
      return null; // the cluster, or its run, has gone meanwhile
    }
  };
  const withSlides = async (url) => {
    try {
      const found = await keep(url);
      for (const [slide, name] of Object.entries(found.slides ?? {})) bench.slides.set(Number(slide), name);
      return found;
    } catch {
      return null;
    }
  };
  const prefetch = async (id) => {
    if (id < 0) return;
    const about = await fetchGallery(id);
    for (const [tile] of [...(about?.typical ?? []).slice(0, 6), ...(about?.middle ?? []).slice(0, 6), ...(about?.edge ?? []).slice(0, 6)]) new Image().src = `t/${tile}`;
  };
  return {
    fetchGallery, prefetch,
    about: () => known.get(address("gallery", s.open)) ?? null,
    members: (id, order, from) => withSlides(address("members", id, order, from)),
    tileFacts: (tile) => keep(address("tile", tile)),
    alikeTiles: (tile) => withSlides(address("alike", tile)),
    listing: () => keep(address("clusters")),
    nearby: () => keep(address("nearby")),
    decisions: () => read(`decisions/${at().run}?v=${s.now().version}`).catch(() => []),
    parts: (id, n) => read(address("parts", id, n)).catch(() => ({ error: `It has too few tiles for ${n} parts.` })),
    where: () => `${at().run}/${at().interval}/${at().version}`,
  }; // prettier-ignore
}
