function l(r,i="",n=""){let s=document.createElement(r);return s.className=i,s.textContent=n,s}var k=`
.ts-look{--paper:var(--panel-background-color,var(--jp-layout-color0,#fff));--ink:var(--panel-on-background-color,var(--jp-ui-font-color1,#23263a));
  --violet:var(--panel-primary-color,#4f3d8f);--soft:color-mix(in srgb,var(--ink) 84%,var(--paper));--quiet:color-mix(in srgb,var(--ink) 70%,var(--paper));
  --line:color-mix(in srgb,var(--ink) 14%,var(--paper));--ground:color-mix(in srgb,var(--ink) 4%,var(--paper));
  --tint:color-mix(in srgb,var(--violet) 11%,var(--paper))}
`;function y(r,i,n){let s=l("style","",k+i);return n.classList.add("ts-look"),r.append(s,n),()=>{n.remove(),s.remove()}}function h(r){let i=new Map;return r.on("change:images",()=>{let n=r.get("images")??{};for(let[s,c]of i)n[s]&&(c(n[s]),i.delete(s))}),{async address(n){let s=r.get("tile_url");if(s)return`${s}${n}`;let c=r.get("images")?.[n];return c||new Promise(u=>{i.set(String(n),u),r.set("wanted",[...i.keys()].map(Number)),r.save_changes()})}}}var w=`
.ts-gallery{font:13px/1.45 system-ui,sans-serif;color:inherit}
.ts-gallery section{margin:0 0 14px}
.ts-gallery h4{margin:0;font:600 13px/1.4 system-ui,sans-serif;display:inline}
.ts-gallery p{margin:0 0 6px 8px;display:inline;opacity:.68;font-size:12.5px}
.ts-gallery{container-type:inline-size}
.ts-gallery .row{display:grid;grid-template-columns:repeat(4,minmax(0,var(--side)));gap:5px;margin-top:6px}
@container (min-width:520px){.ts-gallery .row{grid-template-columns:repeat(6,minmax(0,var(--side)))}}
@container (min-width:1000px){.ts-gallery .row{grid-template-columns:repeat(12,minmax(0,var(--side)))}}
.ts-tile{padding:0;border:0;border-radius:7px;background:var(--line);cursor:pointer;line-height:0;outline:2px solid transparent;
  outline-offset:1px;transition:outline-color .12s,transform .12s}
.ts-tile img{border-radius:7px;display:block;width:100%;aspect-ratio:1}
.ts-tile:hover{outline-color:color-mix(in srgb,var(--violet) 45%,var(--paper))}
.ts-tile:focus-visible{outline-color:var(--violet)}
.ts-tile[aria-pressed=true]{outline:3px solid var(--violet)}
.ts-tile{position:relative}
.ts-tile[data-chosen]::after{content:"\u2713";position:absolute;right:5px;top:5px;width:20px;height:20px;border-radius:50%;background:var(--violet);
  color:var(--paper);font:700 13px/20px system-ui,sans-serif;text-align:center;box-shadow:0 0 0 2px var(--paper)}
.ts-tile[data-chosen] img{opacity:.72}
`;function A({model:r,el:i}){let n=l("div","ts-gallery");n.style.setProperty("--side",`${r.get("side_px")}px`);let s=y(i,w,n),c=h(r),u=t=>{r.set("picked",t),r.save_changes()},d=t=>{r.set("chosen",t),r.save_changes(),g()},m=t=>{let e=r.get("chosen");d(e.includes(t)?e.filter(o=>o!==t):[...e,t])},b=t=>{let e=l("button","ts-tile");e.type="button",e.dataset.tile=t,e.setAttribute("aria-label",`tile ${t}`);let o=l("img");return o.loading="lazy",o.decoding="async",o.alt="",c.address(t).then(a=>o.src=a),e.append(o),e.onclick=a=>a.ctrlKey||a.metaKey||a.shiftKey?m(t):u(t),e},g=()=>{let t=new Set(r.get("chosen"));for(let e of n.querySelectorAll("button.ts-tile")){let o=Number(e.dataset.tile);e.setAttribute("aria-pressed",o===r.get("picked")),e.toggleAttribute("data-chosen",t.has(o))}},v=t=>{let e=l("section"),o=l("h4","",t.title),a=l("p","",t.help),p=l("div","row");return p.append(...t.ids.map(b)),e.append(o,a,p),e},f=()=>{let t=r.get("rows").filter(e=>e.ids.length);n.replaceChildren(...t.map(v)),n.dataset.ready=t.reduce((e,o)=>e+o.ids.length,0),g()},x=t=>getComputedStyle(t.parentElement).gridTemplateColumns.split(" ").length;return n.onkeydown=t=>{let e=t.target;e.dataset?.tile&&(t.key==="x"||t.key==="X")&&m(Number(e.dataset.tile)),t.key==="Escape"&&d([]);let o={ArrowRight:1,ArrowLeft:-1,ArrowDown:x(e),ArrowUp:-x(e)}[t.key];if(!o)return;let a=[...n.querySelectorAll("button.ts-tile")],p=a[a.indexOf(e)+o];p&&(t.preventDefault(),p.focus(),u(Number(p.dataset.tile)))},r.on("change:rows",f),r.on("change:picked",g),r.on("change:chosen",g),f(),s}var E={render:A};export{E as default};
