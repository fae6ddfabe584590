function r(e,a="",s=""){let n=document.createElement(e);return n.className=a,n.textContent=s,n}function u(e,a,s){let n=r("button","",e);return n.type="button",n.title=a,n.setAttribute("aria-label",a),n.onclick=s,n}var S=`
.ts-look{--paper:var(--panel-background-color,var(--jp-layout-color0,#fff));--ink:var(--panel-on-background-color,var(--jp-ui-font-color1,#23263a));
  --violet:var(--panel-primary-color,#4f3d8f);--soft:color-mix(in srgb,var(--ink) 84%,var(--paper));--quiet:color-mix(in srgb,var(--ink) 70%,var(--paper));
  --line:color-mix(in srgb,var(--ink) 14%,var(--paper));--ground:color-mix(in srgb,var(--ink) 4%,var(--paper));
  --tint:color-mix(in srgb,var(--violet) 11%,var(--paper))}
`;function f(e,a,s){let n=r("style","",S+a);return s.classList.add("ts-look"),e.append(n,s),()=>{s.remove(),n.remove()}}var A=`
.ts-switches{font:13px/1.4 system-ui,sans-serif;color:var(--ink);display:flex;flex-direction:column;gap:6px}
.ts-switches .top{display:flex;flex-wrap:wrap;gap:4px}
.ts-switches .top button{border:1px solid var(--line);background:var(--paper);font:500 12px/1 system-ui,sans-serif;color:var(--soft);padding:6px 10px;border-radius:7px;cursor:pointer}
.ts-switches .top button:hover{background:var(--tint)}
.ts-switches input[type=search]{border:1px solid var(--line);border-radius:7px;padding:6px 10px;font:inherit;color:inherit;background:var(--paper)}
.ts-switches ul{list-style:none;margin:0;padding:0;overflow:auto}
.ts-switches li{display:flex;align-items:center;gap:8px;padding:2px 6px;border-radius:7px}
.ts-switches li[aria-current=true]{background:var(--tint)}
.ts-switches li input{accent-color:var(--c);width:15px;height:15px;margin:0;flex:none}
.ts-switches li i{width:12px;height:12px;border-radius:50%;background:var(--c);flex:none}
.ts-switches li button{flex:1;min-width:0;text-align:left;border:0;background:none;font:inherit;color:inherit;padding:4px 0;cursor:pointer;overflow-wrap:anywhere;border-radius:5px}
.ts-switches li button:hover{text-decoration:underline}
.ts-switches :is(button,input):focus-visible{outline:2px solid var(--violet);outline-offset:1px}
.ts-switches li span{color:var(--quiet);font-variant-numeric:tabular-nums}
.ts-switches p{margin:0;color:var(--quiet)}
`,L=14;function q({model:e,el:a}){let s=r("div","ts-switches"),n=r("ul"),l=r("input"),g=r("p","","No cluster of that name is on this slide.");Object.assign(l,{type:"search",placeholder:"Search the clusters"}),l.setAttribute("aria-label","Search the clusters"),n.style.maxHeight=`${e.get("height_px")}px`;let y=f(a,A,s),d=t=>{e.set("hidden",t),e.save_changes(),p()},x=()=>e.get("rows").map(t=>t.id),m=t=>{let i=e.get("hidden");d(i.includes(t)?i.filter(o=>o!==t):[...i,t])},w=t=>{e.set("chosen",t),e.save_changes(),p()},h=r("div","top");h.append(u("All","Paint all clusters",()=>d([])),u("None","Paint no cluster",()=>d(x())),u("Only the open one","Paint only the cluster that is marked in this list",()=>d(x().filter(t=>t!==e.get("chosen")))));let k=t=>{let i=r("li");i.dataset.id=t.id,i.style.setProperty("--c",t.colour);let o=r("input");o.type="checkbox",o.setAttribute("aria-label",`paint ${t.name}`),o.onchange=()=>m(t.id);let c=u(t.name,`Open ${t.name}`,()=>w(t.id));return i.append(o,r("i"),c,r("span","",t.n.toLocaleString("en"))),i},p=()=>{let t=new Set(e.get("hidden")),i=l.value.trim().toLowerCase(),o=0;for(let c of n.children){let b=Number(c.dataset.id);c.querySelector("input").checked=!t.has(b),c.setAttribute("aria-current",b===e.get("chosen")),c.style.display=c.querySelector("button").textContent.toLowerCase().includes(i)?"":"none",c.style.display||o++}g.style.display=o||!n.children.length?"none":""},v=()=>{let t=e.get("rows");n.replaceChildren(...t.map(k)),l.style.display=t.length>=L?"":"none",h.style.display=t.length?"":"none",s.dataset.ready=t.length,p()};return s.append(h,l,n,g),l.oninput=p,e.on("change:rows",v),e.on("change:hidden",p),e.on("change:chosen",p),v(),y}var O={render:q};export{O as default};
