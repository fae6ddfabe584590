// Where the picture of a tile comes from: over HTTP on the dashboard; in a notebook, which has no routes, Python is asked
// through `wanted` and answers in `images` (tile number to data URL).
export function tileSource(model) {
  const waiting = new Map();
  model.on("change:images", () => {
    const images = model.get("images") ?? {};
    for (const [id, resolve] of waiting)
      if (images[id]) {
        resolve(images[id]);
        waiting.delete(id);
      }
  });
  return {
    async address(id) {
      const base = model.get("tile_url");
      if (base) return `${base}${id}`;
      const known = model.get("images")?.[id];
      if (known) return known;
      return new Promise((resolve) => {
        waiting.set(String(id), resolve);
        model.set("wanted", [...waiting.keys()].map(Number));
        model.save_changes();
      });
    },
  };
}
