function i(e,c="",r=""){let n=document.createElement(e);return n.className=c,n.textContent=r,n}function d(e,c,r){let n=i("button","",e);return n.type="button",n.title=c,n.setAttribute("aria-label",c),n.onclick=r,n}var S=`
.ts-look{--paper:var(--panel-background-color,var(--jp-layout-color0,#fff));--ink:var(--panel-on-background-color,var(--jp-ui-font-color1,#23263a));
  --violet:var(--panel-primary-color,#4f3d8f);--soft:color-mix(in srgb,var(--ink) 84%,var(--paper));--quiet:color-mix(in srgb,var(--ink) 70%,var(--paper));
  --line:color-mix(in srgb,var(--ink) 14%,var(--paper));--ground:color-mix(in srgb,var(--ink) 4%,var(--paper));
  --tint:color-mix(in srgb,var(--violet) 11%,var(--paper))}
`;function f(e,c,r){let n=i("style","",S+c);return r.classList.add("ts-look"),e.append(n,r),()=>{r.remove(),n.remove()}}var A=`
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
.ts-switches li[data-shape="1"] i{border-radius:3px;background:repeating-linear-gradient(135deg,var(--c) 0 3px,var(--paper) 3px 5px)}
.ts-switches li[data-shape="2"] i{border-radius:3px;background:radial-gradient(var(--paper) 1.5px,var(--c) 2px)}
.ts-switches li[data-shape="3"] i{background:none} .ts-switches li[data-shape="3"] i::after{content:"\u2715";font:700 12px/1 system-ui;color:var(--c)}
.ts-switches li button{flex:1;min-width:0;text-align:left;border:0;background:none;font:inherit;color:inherit;padding:4px 0;cursor:pointer;overflow-wrap:anywhere;border-radius:5px}
.ts-switches li button:hover{text-decoration:underline}
.ts-switches :is(button,input):focus-visible{outline:2px solid var(--violet);outline-offset:1px}
.ts-switches li span{color:var(--quiet);font-variant-numeric:tabular-nums}
.ts-switches p{margin:0;color:var(--quiet)}
`,L=["#89919f","#5b6270"],O=14;function q({model:e,el:c}){let r=i("div","ts-switches"),n=i("ul"),p=i("input"),g=i("p","","No cluster of that name is on this slide.");Object.assign(p,{type:"search",placeholder:"Search the clusters"}),p.setAttribute("aria-label","Search the clusters"),n.style.maxHeight=e.get("height_px")?`${e.get("height_px")}px`:"";let v=f(c,A,r),u=t=>{e.set("hidden",t),e.save_changes(),l()},b=()=>e.get("rows").flatMap(t=>t.ids),y=(t,o)=>{let a=e.get("hidden").filter(s=>!t.includes(s));u(o?a:[...a,...t])},k=t=>{e.set("chosen",t),e.save_changes(),l()},h=i("div","top");h.append(d("All","Paint all clusters",()=>u([])),d("None","Paint no cluster",()=>u(b())),d("Only the open one","Paint only the cluster that is marked in this list",()=>u(e.get("rows").filter(t=>!t.ids.includes(e.get("chosen"))).flatMap(t=>t.ids))));let m=t=>{let o=i("li");o.dataset.id=t.ids[0],o.dataset.shape=t.shape??0,o.style.setProperty("--c",t.colour||L[t.shape===3?1:0]),o.ids=t.ids;let a=i("input");a.type="checkbox",a.setAttribute("aria-label",`paint ${t.name}`),a.onchange=()=>y(t.ids,a.checked);let s=d(t.name,`Open ${t.name}`,()=>k(t.ids[0]));return t.ids.length>1&&(s.title=`Open the largest of its ${t.ids.length} clusters`),o.append(a,i("i"),s,i("span","",t.n.toLocaleString("en"))),o},l=()=>{let t=new Set(e.get("hidden")),o=p.value.trim().toLowerCase(),a=0;for(let s of n.children)s.querySelector("input").checked=!s.ids.every(w=>t.has(w)),s.setAttribute("aria-current",s.ids.includes(e.get("chosen"))),s.style.display=s.querySelector("button").textContent.toLowerCase().includes(o)?"":"none",s.style.display||a++;g.style.display=a||!n.children.length?"none":""},x=()=>{let t=e.get("rows");n.replaceChildren(...t.map(m)),p.style.display=t.length>=O?"":"none",h.style.display=t.length?"":"none",r.dataset.ready=t.length,l()};return r.append(h,p,n,g),p.oninput=l,e.on("change:rows",x),e.on("change:hidden",l),e.on("change:chosen",l),x(),v}var P={render:q};export{P as default};
