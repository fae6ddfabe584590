// The bar above a slide: closer, farther, all of it, objectives, how strongly clusters are painted, full screen.
import { button, make } from "./dom.js";
import { OBJECTIVES, magnification, times } from "./furniture.js";

const MOST = 4; // objectives on offer
const USUAL = 0.5;

export function slideBar({ closer, farther, whole, setPower, setOpacity, fullScreen }) {
  const bar = make("div", "ts-slide-bar");
  const objectives = make("span", "ts-objectives");
  const strength = make("label", "ts-strength", "Clusters");
  const slider = make("input");
  const title = "How strongly the clusters are painted (key o: on and off)";
  Object.assign(slider, { type: "range", min: 0, max: 1, step: 0.05, title });
  slider.setAttribute("aria-label", title);
  slider.oninput = () => setOpacity(Number(slider.value));
  strength.append(slider);
  const large = button("Full screen", "Fill the screen, or leave it (Esc)", fullScreen);
  large.className = "wide"; // left out where there is little room
  bar.append(
    button("+", "Closer (key +)", closer), button("−", "Farther (key −)", farther), button("Whole slide", "Show all of it (key 0)", whole),
    objectives, strength, large,
  ); // prettier-ignore
  let before = USUAL;
  return {
    element: bar,
    slider,
    showOpacity: (value) => (slider.value = value),
    toggle() {
      const now = Number(slider.value);
      if (now) before = now;
      setOpacity(now ? 0 : before);
    },
    // Those that the scanner's resolution allows.
    offer(mpp) {
      const useful = mpp ? OBJECTIVES.filter((one) => one <= magnification(mpp) * 1.1).slice(-MOST) : [];
      const made = useful.map((one) => button(times(one), `As through a ${times(one)} objective`, () => setPower(one)));
      made.forEach((one, i) => (one.dataset.power = useful[i]));
      objectives.replaceChildren(...made);
    },
    showPower(now) {
      for (const one of objectives.children) one.setAttribute("aria-pressed", Math.abs(one.dataset.power / now - 1) < 0.02);
    },
    offerClusters: (some) => (strength.style.display = some ? "" : "none"),
  };
}
