function s(e,a="",c=""){let n=document.createElement(e);return n.className=a,n.textContent=c,n}function h(e,a,c){let n=s("button","",e);return n.type="button",n.title=a,n.setAttribute("aria-label",a),n.onclick=c,n}var k=`
.ts-switches{font:13px/1.4 system-ui,sans-serif;color:#23263a;display:flex;flex-direction:column;gap:6px}
.ts-switches .top{display:flex;flex-wrap:wrap;gap:4px}
.ts-switches .top button{border:1px solid #d8d5e3;background:#fff;font:500 12px/1 system-ui,sans-serif;color:#4a4f63;padding:6px 10px;border-radius:7px;cursor:pointer}
.ts-switches .top button:hover{background:#f0eff6}
.ts-switches input[type=search]{border:1px solid #d8d5e3;border-radius:7px;padding:6px 10px;font:inherit;color:inherit}
.ts-switches ul{list-style:none;margin:0;padding:0;overflow:auto}
.ts-switches li{display:flex;align-items:center;gap:8px;padding:2px 6px;border-radius:7px}
.ts-switches li[aria-current=true]{background:#efebfa}
.ts-switches li input{accent-color:var(--c);width:15px;height:15px;margin:0;flex:none}
.ts-switches li i{width:12px;height:12px;border-radius:50%;background:var(--c);flex:none}
.ts-switches li button{flex:1;min-width:0;text-align:left;border:0;background:none;font:inherit;color:inherit;padding:4px 0;cursor:pointer;overflow-wrap:anywhere;border-radius:5px}
.ts-switches li button:hover{text-decoration:underline}
.ts-switches :is(button,input):focus-visible{outline:2px solid #4f3d8f;outline-offset:1px}
.ts-switches li span{color:#656b80;font-variant-numeric:tabular-nums}
.ts-switches p{margin:0;color:#656b80}
`,S=14;function A({model:e,el:a}){let c=s("style","",k),n=s("div","ts-switches"),d=s("ul"),l=s("input"),x=s("p","","No cluster of that name is on this slide.");Object.assign(l,{type:"search",placeholder:"Search the clusters"}),l.setAttribute("aria-label","Search the clusters"),d.style.maxHeight=`${e.get("height_px")}px`,a.append(c,n);let u=t=>{e.set("hidden",t),e.save_changes(),p()},g=()=>e.get("rows").map(t=>t.id),w=t=>{let i=e.get("hidden");u(i.includes(t)?i.filter(o=>o!==t):[...i,t])},m=t=>{e.set("chosen",t),e.save_changes(),p()},f=s("div","top");f.append(h("All","Paint all clusters",()=>u([])),h("None","Paint no cluster",()=>u(g())),h("Only the open one","Paint only the cluster that is marked in this list",()=>u(g().filter(t=>t!==e.get("chosen")))));let v=t=>{let i=s("li");i.dataset.id=t.id,i.style.setProperty("--c",t.colour);let o=s("input");o.type="checkbox",o.setAttribute("aria-label",`paint ${t.name}`),o.onchange=()=>w(t.id);let r=h(t.name,`Open ${t.name}`,()=>m(t.id));return i.append(o,s("i"),r,s("span","",t.n.toLocaleString("en"))),i},p=()=>{let t=new Set(e.get("hidden")),i=l.value.trim().toLowerCase(),o=0;for(let r of d.children){let y=Number(r.dataset.id);r.querySelector("input").checked=!t.has(y),r.setAttribute("aria-current",y===e.get("chosen")),r.style.display=r.querySelector("button").textContent.toLowerCase().includes(i)?"":"none",r.style.display||o++}x.style.display=o||!d.children.length?"none":""},b=()=>{let t=e.get("rows");d.replaceChildren(...t.map(v)),l.style.display=t.length>=S?"":"none",f.style.display=t.length?"":"none",n.dataset.ready=t.length,p()};return n.append(f,l,d,x),l.oninput=p,e.on("change:rows",b),e.on("change:hidden",p),e.on("change:chosen",p),b(),()=>{n.remove(),c.remove()}}var L={render:A};export{L as default};
