export function make(tag, className = "", text = "") {
  const made = document.createElement(tag);
  made.className = className;
  made.textContent = text;
  return made;
}

export function button(label, title, onclick) {
  const made = make("button", "", label);
  made.type = "button";
  made.title = title;
  made.setAttribute("aria-label", title);
  made.onclick = onclick;
  return made;
}

// Colours follow the page, light or dark: Panel's theme, else JupyterLab's, else light.
const LOOK = `
.ts-look{--paper:var(--panel-background-color,var(--jp-layout-color0,#fff));--ink:var(--panel-on-background-color,var(--jp-ui-font-color1,#23263a));
  --violet:var(--panel-primary-color,#4f3d8f);--soft:color-mix(in srgb,var(--ink) 84%,var(--paper));--quiet:color-mix(in srgb,var(--ink) 70%,var(--paper));
  --line:color-mix(in srgb,var(--ink) 14%,var(--paper));--ground:color-mix(in srgb,var(--ink) 4%,var(--paper));
  --tint:color-mix(in srgb,var(--violet) 11%,var(--paper))}
`;

// Put a component with its style sheet on the page; gives what takes both away again.
export function mount(el, css, box) {
  const style = make("style", "", LOOK + css);
  box.classList.add("ts-look");
  el.append(style, box);
  return () => {
    box.remove();
    style.remove();
  };
}
