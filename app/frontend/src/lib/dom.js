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

// Put a component with its style sheet on the page; gives what takes both away again.
export function mount(el, css, box) {
  const style = make("style", "", css);
  el.append(style, box);
  return () => {
    box.remove();
    style.remove();
  };
}
