function h(s){let c=new Map;return s.on("change:images",()=>{let i=s.get("images")??{};for(let[r,l]of c)i[r]&&(l(i[r]),c.delete(r))}),{async address(i){let r=s.get("tile_url");if(r)return`${r}${i}`;let l=s.get("images")?.[i];return l||new Promise(p=>{c.set(String(i),p),s.set("wanted",[...c.keys()].map(Number)),s.save_changes()})}}}var b=`
.ts-gallery{font:13px/1.45 system-ui,sans-serif;color:inherit}
.ts-gallery section{margin:0 0 14px}
.ts-gallery h4{margin:0;font:600 13px/1.4 system-ui,sans-serif;display:inline}
.ts-gallery p{margin:0 0 6px 8px;display:inline;opacity:.68;font-size:12.5px}
.ts-gallery{container-type:inline-size}
.ts-gallery .row{display:grid;grid-template-columns:repeat(4,minmax(0,var(--side)));gap:5px;margin-top:6px}
@container (min-width:520px){.ts-gallery .row{grid-template-columns:repeat(6,minmax(0,var(--side)))}}
@container (min-width:1000px){.ts-gallery .row{grid-template-columns:repeat(12,minmax(0,var(--side)))}}
.ts-tile{padding:0;border:0;border-radius:7px;background:#ecebf0;cursor:pointer;line-height:0;outline:2px solid transparent;
  outline-offset:1px;transition:outline-color .12s,transform .12s}
.ts-tile img{border-radius:7px;display:block;width:100%;aspect-ratio:1}
.ts-tile:hover{outline-color:#b7aedb}
.ts-tile:focus-visible{outline-color:#4f3d8f}
.ts-tile[aria-pressed=true]{outline:3px solid #4f3d8f}
.ts-tile{position:relative}
.ts-tile[data-chosen]::after{content:"\u2713";position:absolute;right:5px;top:5px;width:20px;height:20px;border-radius:50%;background:#4f3d8f;
  color:#fff;font:700 13px/20px system-ui,sans-serif;text-align:center;box-shadow:0 0 0 2px #fff}
.ts-tile[data-chosen] img{opacity:.72}
`;function w({model:s,el:c}){let i=document.createElement("style");i.textContent=b;let r=document.createElement("div");r.className="ts-gallery",r.style.setProperty("--side",`${s.get("side_px")}px`),c.append(i,r);let l=h(s),p=e=>{s.set("picked",e),s.save_changes()},d=e=>{s.set("chosen",e),s.save_changes(),u()},g=e=>{let t=s.get("chosen");d(t.includes(e)?t.filter(n=>n!==e):[...t,e])},y=e=>{let t=document.createElement("button");t.type="button",t.className="ts-tile",t.dataset.tile=e,t.setAttribute("aria-label",`tile ${e}`);let n=document.createElement("img");return n.loading="lazy",n.decoding="async",n.alt="",l.address(e).then(o=>n.src=o),t.append(n),t.onclick=o=>o.ctrlKey||o.metaKey||o.shiftKey?g(e):p(e),t},u=()=>{let e=new Set(s.get("chosen"));for(let t of r.querySelectorAll("button.ts-tile")){let n=Number(t.dataset.tile);t.setAttribute("aria-pressed",n===s.get("picked")),t.toggleAttribute("data-chosen",e.has(n))}},x=e=>{let t=document.createElement("section"),n=document.createElement("h4");n.textContent=e.title;let o=document.createElement("p");o.textContent=e.help;let a=document.createElement("div");return a.className="row",a.append(...e.ids.map(y)),t.append(n,o,a),t},m=()=>{let e=s.get("rows").filter(t=>t.ids.length);r.replaceChildren(...e.map(x)),r.dataset.ready=e.reduce((t,n)=>t+n.ids.length,0),u()},f=e=>getComputedStyle(e.parentElement).gridTemplateColumns.split(" ").length;return r.onkeydown=e=>{let t=e.target;t.dataset?.tile&&(e.key==="x"||e.key==="X")&&g(Number(t.dataset.tile)),e.key==="Escape"&&d([]);let n={ArrowRight:1,ArrowLeft:-1,ArrowDown:f(t),ArrowUp:-f(t)}[e.key];if(!n)return;let o=[...r.querySelectorAll("button.ts-tile")],a=o[o.indexOf(t)+n];a&&(e.preventDefault(),a.focus(),p(Number(a.dataset.tile)))},s.on("change:rows",m),s.on("change:picked",u),s.on("change:chosen",u),m(),()=>{r.remove(),i.remove()}}var A={render:w};export{A as default};
