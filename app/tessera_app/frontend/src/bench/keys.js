// Keys while the focus rests on the open cluster, the list, or nothing; letters never act while somebody types.
const typing = (target) => /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName) || target.isContentEditable;

export function benchKeys(bench) {
  const { s } = bench;
  const letters = {
    a: () => bench.markArtefact(), m: () => bench.askMerge(), c: () => bench.compareNearest(), d: () => bench.askDivide(),
    g: () => bench.gallery.cycle(), t: () => bench.gallery.enter(), n: () => bench.typeName(), s: () => bench.skip(),
    j: () => bench.list.step(1), k: () => bench.list.step(-1),
  }; // prettier-ignore
  const comparing = { m: () => bench.mergeCompared(), k: () => bench.keepApart(), Escape: () => bench.endCompare() };

  const act = (event, target, inMap) => {
    const { key } = event;
    const letter = key.length === 1 ? key.toLowerCase() : key;
    if (key === "F6") return bench.nextPane(event.shiftKey ? -1 : 1), true;
    if (event.ctrlKey || event.metaKey || event.altKey || typing(target)) return false;
    if (key === "?") return bench.help(), true;
    if ((key === "Enter" || key === " ") && /^(BUTTON|A)$/.test(target.tagName)) return false;
    if (s.compare) {
      if (!comparing[letter] || (key !== "Escape" && !s.letters)) return false;
      comparing[letter]();
      return true;
    }
    if (inMap && /^(Arrow|[-+=0])/.test(key)) return false; // the map and the slide move by these
    if (key === "ArrowDown" || key === "ArrowUp") return bench.list.step(key === "ArrowDown" ? 1 : -1, event.shiftKey), true;
    if (key === "Home" || key === "End") return target === bench.list.list && (bench.list.ends(key === "End"), true);
    if (key === "Escape") return bench.escape(), true;
    if (key === "Enter" && s.open >= 0) return bench.typeName(), true;
    if (!s.letters) return false;
    if (letter === "z") return (event.shiftKey ? bench.redo() : bench.undo()), true;
    if (key === "/") return bench.list.find.focus(), true;
    if (letter === "h") return bench.history(), true;
    if (letter === "s" && s.open < 0) return bench.open(s.nextUnnamed(), "loop"), true;
    if (key === "0") return bench.ask({ do: "whole" }), true;
    if (s.open < 0 && !s.chosen.size) return false;
    if (key === "+" || key === "=" || key === "-") return bench.gallery.resize(s.tile_px + (key === "-" ? -12 : 12)), true;
    if (/^[1-9]$/.test(key)) return s.now().slots[key - 1] ? (bench.saveName(s.now().slots[key - 1]), true) : false;
    if (!letters[letter]) return false;
    letters[letter]();
    return true;
  };

  return (event) => {
    const path = event.composedPath();
    const [target] = path;
    const ours = path.includes(bench.box) || target === document.body || target === document.documentElement;
    if (!ours || !bench.visible() || bench.dialogs.isOpen || event.defaultPrevented) return;
    const inMap = path.includes(bench.right);
    if (act(event, target, inMap)) event.preventDefault();
  };
}
