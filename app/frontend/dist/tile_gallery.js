function g(n){let a=new Map;return n.on("change:images",()=>{let o=n.get("images")??{};for(let[s,c]of a)o[s]&&(c(o[s]),a.delete(s))}),{async address(o){let s=n.get("tile_url");if(s)return`${s}${o}`;let c=n.get("images")?.[o];return c||new Promise(l=>{a.set(String(o),l),n.set("wanted",[...a.keys()].map(Number)),n.save_changes()})}}}var y=`
.ts-gallery{font:13px/1.45 system-ui,sans-serif;color:inherit}
.ts-gallery section{margin:0 0 14px}
.ts-gallery h4{margin:0;font:600 13px/1.4 system-ui,sans-serif;display:inline}
.ts-gallery p{margin:0 0 6px 8px;display:inline;opacity:.68;font-size:12.5px}
.ts-gallery .row{display:flex;flex-wrap:wrap;gap:5px;margin-top:6px}
.ts-tile{padding:0;border:0;border-radius:7px;background:#ecebf0;cursor:pointer;line-height:0;outline:2px solid transparent;
  outline-offset:1px;transition:outline-color .12s,transform .12s}
.ts-tile img{border-radius:7px;display:block}
.ts-tile:hover{outline-color:#b7aedb}
.ts-tile:focus-visible{outline-color:#4f3d8f}
.ts-tile[aria-pressed=true]{outline:3px solid #4f3d8f}
`;function b({model:n,el:a}){let o=document.createElement("style");o.textContent=y;let s=document.createElement("div");s.className="ts-gallery",a.append(o,s);let c=g(n),l=e=>{n.set("picked",e),n.save_changes()},f=e=>{let t=document.createElement("button");t.type="button",t.className="ts-tile",t.dataset.tile=e,t.setAttribute("aria-label",`tile ${e}`);let r=document.createElement("img");return r.loading="lazy",r.decoding="async",r.alt="",r.width=r.height=n.get("side_px"),c.address(e).then(i=>r.src=i),t.append(r),t.onclick=()=>l(e),t},u=()=>{for(let e of s.querySelectorAll("button.ts-tile"))e.setAttribute("aria-pressed",Number(e.dataset.tile)===n.get("picked"))},m=e=>{let t=document.createElement("section"),r=document.createElement("h4");r.textContent=e.title;let i=document.createElement("p");i.textContent=e.help;let p=document.createElement("div");return p.className="row",p.append(...e.ids.map(f)),t.append(r,i,p),t},d=()=>{let e=n.get("rows").filter(t=>t.ids.length);s.replaceChildren(...e.map(m)),s.dataset.ready=e.reduce((t,r)=>t+r.ids.length,0),u()};return s.onkeydown=e=>{let t={ArrowRight:1,ArrowLeft:-1}[e.key];if(!t)return;let r=[...s.querySelectorAll("button.ts-tile")],i=r[r.indexOf(e.target)+t];i&&(e.preventDefault(),i.focus(),l(Number(i.dataset.tile)))},n.on("change:rows",d),n.on("change:picked",u),d(),()=>{s.remove(),o.remove()}}var w={render:b};export{w as default};
