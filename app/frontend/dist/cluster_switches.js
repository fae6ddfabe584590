function s(e,a="",i=""){let n=document.createElement(e);return n.className=a,n.textContent=i,n}function d(e,a,i){let n=s("button","",e);return n.type="button",n.title=a,n.setAttribute("aria-label",a),n.onclick=i,n}function y(e,a,i){let n=s("style","",a);return e.append(n,i),()=>{i.remove(),n.remove()}}var S=`
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
`,A=14;function C({model:e,el:a}){let i=s("div","ts-switches"),n=s("ul"),l=s("input"),f=s("p","","No cluster of that name is on this slide.");Object.assign(l,{type:"search",placeholder:"Search the clusters"}),l.setAttribute("aria-label","Search the clusters"),n.style.maxHeight=`${e.get("height_px")}px`;let w=y(a,S,i),u=t=>{e.set("hidden",t),e.save_changes(),p()},x=()=>e.get("rows").map(t=>t.id),m=t=>{let o=e.get("hidden");u(o.includes(t)?o.filter(r=>r!==t):[...o,t])},v=t=>{e.set("chosen",t),e.save_changes(),p()},h=s("div","top");h.append(d("All","Paint all clusters",()=>u([])),d("None","Paint no cluster",()=>u(x())),d("Only the open one","Paint only the cluster that is marked in this list",()=>u(x().filter(t=>t!==e.get("chosen")))));let k=t=>{let o=s("li");o.dataset.id=t.id,o.style.setProperty("--c",t.colour);let r=s("input");r.type="checkbox",r.setAttribute("aria-label",`paint ${t.name}`),r.onchange=()=>m(t.id);let c=d(t.name,`Open ${t.name}`,()=>v(t.id));return o.append(r,s("i"),c,s("span","",t.n.toLocaleString("en"))),o},p=()=>{let t=new Set(e.get("hidden")),o=l.value.trim().toLowerCase(),r=0;for(let c of n.children){let b=Number(c.dataset.id);c.querySelector("input").checked=!t.has(b),c.setAttribute("aria-current",b===e.get("chosen")),c.style.display=c.querySelector("button").textContent.toLowerCase().includes(o)?"":"none",c.style.display||r++}f.style.display=r||!n.children.length?"none":""},g=()=>{let t=e.get("rows");n.replaceChildren(...t.map(k)),l.style.display=t.length>=A?"":"none",h.style.display=t.length?"":"none",i.dataset.ready=t.length,p()};return i.append(h,l,n,f),l.oninput=p,e.on("change:rows",g),e.on("change:hidden",p),e.on("change:chosen",p),g(),w}var P={render:C};export{P as default};
