function i(e,c="",r=""){let n=document.createElement(e);return n.className=c,n.textContent=r,n}function d(e,c,r){let n=i("button","",e);return n.type="button",n.title=c,n.setAttribute("aria-label",c),n.onclick=r,n}var A=`
.ts-look{--paper:var(--panel-background-color,var(--jp-layout-color0,#fff));--ink:var(--panel-on-background-color,var(--jp-ui-font-color1,#23263a));
  --violet:var(--panel-primary-color,#4f3d8f);--soft:color-mix(in srgb,var(--ink) 84%,var(--paper));--quiet:color-mix(in srgb,var(--ink) 70%,var(--paper));
  --line:color-mix(in srgb,var(--ink) 14%,var(--paper));--ground:color-mix(in srgb,var(--ink) 4%,var(--paper));
  --tint:color-mix(in srgb,var(--violet) 11%,var(--paper))}
`;function v(e,c,r){let n=i("style","",A+c);return r.classList.add("ts-look"),e.append(n,r),()=>{r.remove(),n.remove()}}var L=`
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
.ts-switches li img{height:44px;border-radius:4px;flex:none;background:var(--line)}
.ts-switches p{margin:0;color:var(--quiet)}
`,q=["#89919f","#5b6270"],N=14;function $({model:e,el:c}){let r=i("div","ts-switches"),n=i("ul"),p=i("input"),x=i("p","",e.get("choosing")?"Nothing of that name is here.":"No cluster of that name is on this slide.");Object.assign(p,{type:"search",placeholder:"Search the clusters"}),p.setAttribute("aria-label","Search the clusters"),n.style.maxHeight=e.get("height_px")?`${e.get("height_px")}px`:"";let y=v(c,L,r),h=t=>{e.set("hidden",t),e.save_changes(),l()},m=()=>e.get("rows").flatMap(t=>t.ids),k=(t,s)=>{let o=e.get("hidden").filter(a=>!t.includes(a));h(s?o:[...o,...t])},w=t=>{e.set("chosen",t),e.save_changes(),l()},g=i("div","top"),f=t=>h(e.get("rows").filter(s=>!t(s)).flatMap(s=>s.ids)),u=e.get("choosing");g.append(d("All",u?"Choose all":"Paint all clusters",()=>h([])),d("None",u?"Choose none":"Paint no cluster",()=>h(m())),u?d("Those with a name","Choose what has a name",()=>f(t=>t.named)):d("Only the open one","Paint only the cluster that is marked in this list",()=>f(t=>t.ids.includes(e.get("chosen")))));let C=t=>{let s=i("li");s.dataset.id=t.ids[0],s.dataset.shape=t.shape??0,s.style.setProperty("--c",t.colour||q[t.shape===3?1:0]),s.ids=t.ids;let o=i("input");o.type="checkbox",o.setAttribute("aria-label",`${u?"export":"paint"} ${t.name}`),o.onchange=()=>k(t.ids,o.checked);let a=d(t.name,`Open ${t.name}`,()=>w(t.ids[0]));return t.ids.length>1&&(a.title=`Open the largest of its ${t.ids.length} clusters`),s.append(o,i("i"),...t.picture?[O(t)]:[],a,i("span","",t.n.toLocaleString("en"))),s},O=t=>{let s=i("img");return Object.assign(s,{src:t.picture,alt:"",loading:"lazy"}),s},l=()=>{let t=new Set(e.get("hidden")),s=p.value.trim().toLowerCase(),o=0;for(let a of n.children)a.querySelector("input").checked=!a.ids.every(S=>t.has(S)),a.setAttribute("aria-current",a.ids.includes(e.get("chosen"))),a.style.display=a.querySelector("button").textContent.toLowerCase().includes(s)?"":"none",a.style.display||o++;x.style.display=o||!n.children.length?"none":""},b=()=>{let t=e.get("rows");n.replaceChildren(...t.map(C)),p.style.display=t.length>=N?"":"none",g.style.display=t.length?"":"none",r.dataset.ready=t.length,l()};return r.append(g,p,n,x),p.oninput=l,e.on("change:rows",b),e.on("change:hidden",l),e.on("change:chosen",l),b(),y}var _={render:$};export{_ as default};
