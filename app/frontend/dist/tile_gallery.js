function c(s,i="",n=""){let o=document.createElement(s);return o.className=i,o.textContent=n,o}function y(s,i,n){let o=c("style","",i);return s.append(o,n),()=>{n.remove(),o.remove()}}function x(s){let i=new Map;return s.on("change:images",()=>{let n=s.get("images")??{};for(let[o,l]of i)n[o]&&(l(n[o]),i.delete(o))}),{async address(n){let o=s.get("tile_url");if(o)return`${o}${n}`;let l=s.get("images")?.[n];return l||new Promise(u=>{i.set(String(n),u),s.set("wanted",[...i.keys()].map(Number)),s.save_changes()})}}}var k=`
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
`;function A({model:s,el:i}){let n=c("div","ts-gallery");n.style.setProperty("--side",`${s.get("side_px")}px`);let o=y(i,k,n),l=x(s),u=t=>{s.set("picked",t),s.save_changes()},d=t=>{s.set("chosen",t),s.save_changes(),g()},f=t=>{let e=s.get("chosen");d(e.includes(t)?e.filter(r=>r!==t):[...e,t])},b=t=>{let e=c("button","ts-tile");e.type="button",e.dataset.tile=t,e.setAttribute("aria-label",`tile ${t}`);let r=c("img");return r.loading="lazy",r.decoding="async",r.alt="",l.address(t).then(a=>r.src=a),e.append(r),e.onclick=a=>a.ctrlKey||a.metaKey||a.shiftKey?f(t):u(t),e},g=()=>{let t=new Set(s.get("chosen"));for(let e of n.querySelectorAll("button.ts-tile")){let r=Number(e.dataset.tile);e.setAttribute("aria-pressed",r===s.get("picked")),e.toggleAttribute("data-chosen",t.has(r))}},w=t=>{let e=c("section"),r=c("h4","",t.title),a=c("p","",t.help),p=c("div","row");return p.append(...t.ids.map(b)),e.append(r,a,p),e},m=()=>{let t=s.get("rows").filter(e=>e.ids.length);n.replaceChildren(...t.map(w)),n.dataset.ready=t.reduce((e,r)=>e+r.ids.length,0),g()},h=t=>getComputedStyle(t.parentElement).gridTemplateColumns.split(" ").length;return n.onkeydown=t=>{let e=t.target;e.dataset?.tile&&(t.key==="x"||t.key==="X")&&f(Number(e.dataset.tile)),t.key==="Escape"&&d([]);let r={ArrowRight:1,ArrowLeft:-1,ArrowDown:h(e),ArrowUp:-h(e)}[t.key];if(!r)return;let a=[...n.querySelectorAll("button.ts-tile")],p=a[a.indexOf(e)+r];p&&(t.preventDefault(),p.focus(),u(Number(p.dataset.tile)))},s.on("change:rows",m),s.on("change:picked",g),s.on("change:chosen",g),m(),o}var C={render:A};export{C as default};
