function g(s){let o=new Map;return s.on("change:images",()=>{let i=s.get("images")??{};for(let[n,l]of o)i[n]&&(l(i[n]),o.delete(n))}),{async address(i){let n=s.get("tile_url");if(n)return`${n}${i}`;let l=s.get("images")?.[i];return l||new Promise(c=>{o.set(String(i),c),s.set("wanted",[...o.keys()].map(Number)),s.save_changes()})}}}var y=`
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
`;function x({model:s,el:o}){let i=document.createElement("style");i.textContent=y;let n=document.createElement("div");n.className="ts-gallery",n.style.setProperty("--side",`${s.get("side_px")}px`),o.append(i,n);let l=g(s),c=e=>{s.set("picked",e),s.save_changes()},m=e=>{let t=document.createElement("button");t.type="button",t.className="ts-tile",t.dataset.tile=e,t.setAttribute("aria-label",`tile ${e}`);let r=document.createElement("img");return r.loading="lazy",r.decoding="async",r.alt="",l.address(e).then(a=>r.src=a),t.append(r),t.onclick=()=>c(e),t},u=()=>{for(let e of n.querySelectorAll("button.ts-tile"))e.setAttribute("aria-pressed",Number(e.dataset.tile)===s.get("picked"))},f=e=>{let t=document.createElement("section"),r=document.createElement("h4");r.textContent=e.title;let a=document.createElement("p");a.textContent=e.help;let p=document.createElement("div");return p.className="row",p.append(...e.ids.map(m)),t.append(r,a,p),t},d=()=>{let e=s.get("rows").filter(t=>t.ids.length);n.replaceChildren(...e.map(f)),n.dataset.ready=e.reduce((t,r)=>t+r.ids.length,0),u()};return n.onkeydown=e=>{let t={ArrowRight:1,ArrowLeft:-1}[e.key];if(!t)return;let r=[...n.querySelectorAll("button.ts-tile")],a=r[r.indexOf(e.target)+t];a&&(e.preventDefault(),a.focus(),c(Number(a.dataset.tile)))},s.on("change:rows",d),s.on("change:picked",u),d(),()=>{n.remove(),i.remove()}}var w={render:x};export{w as default};
