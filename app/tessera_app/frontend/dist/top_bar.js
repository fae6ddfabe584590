var k=`
.ts-bench,.ts-top{--ground:#e9ebf0;--surface:#fff;--raised:#f5f6f9;--line:#d4d8e0;--edge:#868e9c;--text:#191d25;--muted:#535b69;--accent:#4b3f9e;--on-accent:#fff;--soft:#eceafb;
  --warn:#7d4300;--warn-bg:#fdf0d9;--bad:#a8201a;--unnamed:#89919f;--ring:rgba(0,0,0,.42);--art:#5b6270;--s0:#39414f;--s1:#8791a1;--s2:#c3c9d3;
  --shadow:0 8px 28px rgba(20,24,36,.2);color-scheme:light;
  font:400 13px/1.4 Inter,system-ui,-apple-system,"Segoe UI","Liberation Sans",Arial,sans-serif;font-variant-numeric:tabular-nums;color:var(--text)}
.dark.ts-bench,.dark.ts-top{--ground:#0b0d11;--surface:#15181e;--raised:#1d2129;--line:#2f3541;--edge:#737c8b;--text:#e9ecf1;--muted:#a6aebb;--accent:#b5abff;--on-accent:#17132d;
  --soft:#29264a;--warn:#ffc676;--warn-bg:#37290f;--bad:#ff9c94;--unnamed:#646c7a;--ring:rgba(255,255,255,.5);--art:#949caa;--s0:#dfe3ea;--s1:#8f98a6;--s2:#4d5563;
  --shadow:0 8px 28px rgba(0,0,0,.6);color-scheme:dark}
.ts-bench *,.ts-top *{box-sizing:border-box}
.ts-bench [hidden],.ts-top [hidden]{display:none!important}
.ts-bench button,.ts-bench input,.ts-bench select,.ts-bench textarea,.ts-top button,.ts-top input,.ts-top select{font:inherit;color:inherit}
.ts-bench button,.ts-top button{cursor:pointer}
.ts-bench :focus-visible,.ts-top :focus-visible{outline:2px solid var(--accent);outline-offset:2px}
.ts-bench .sr,.ts-top .sr{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%)}
.ts-bench .grow,.ts-top .grow{flex:1 1 0;min-width:0}
.ts-bench .icon,.ts-top .icon{width:32px;height:32px;border:1px solid var(--line);border-radius:8px;background:var(--raised);display:grid;place-items:center;padding:0;font-weight:600;flex:none}
.ts-bench .icon:hover,.ts-top .icon:hover{border-color:var(--edge)}
.ts-bench kbd{font:600 11px/1 inherit;font-family:inherit;display:inline-grid;place-items:center;min-width:18px;height:18px;padding:0 4px;border:1px solid var(--edge);border-bottom-width:2px;border-radius:4px;
  background:var(--surface);color:var(--text)}
.sw{display:inline-block;width:11px;height:11px;border-radius:3px;margin-right:5px;vertical-align:-1px;background:var(--c,transparent);box-shadow:inset 0 0 0 1px var(--ring);flex:none}
.sw.none{background:repeating-linear-gradient(45deg,transparent 0 2px,var(--unnamed) 2px 3px)}
.sw.hatched{background:repeating-linear-gradient(45deg,var(--c) 0 3px,var(--surface) 3px 5px)}
.sw.dotted{background:radial-gradient(circle,var(--surface) 0 2px,var(--c) 2.4px)}
.sw.cross{background:linear-gradient(45deg,transparent 42%,var(--art) 42% 58%,transparent 58%),linear-gradient(-45deg,transparent 42%,var(--art) 42% 58%,transparent 58%)}
`,K=`
.listhead{padding:10px 12px 8px;display:grid;grid-template-columns:minmax(0,1fr);gap:8px;border-bottom:1px solid var(--line)}
.row{display:flex;gap:8px;align-items:center}.row.wrap,.facts.wrap{flex-wrap:wrap;white-space:normal}
.find,.sort,.order,.mark,.other,.n-parts,.keep-name,.note-text{height:32px;border:1px solid var(--edge);border-radius:7px;background:var(--surface);padding:0 8px}
.find{flex:1;min-width:0}.sort{max-width:136px}.order,.mark{height:26px;font-size:12px!important;padding:0 4px}
::placeholder{color:var(--muted);opacity:1}
.chips{display:flex;gap:3px;flex-wrap:wrap}
.chip{border:1px solid var(--line);background:var(--raised);border-radius:13px;height:26px;padding:0 5px;font-size:11.5px!important;letter-spacing:-.02em;white-space:nowrap;font-weight:500!important}
.chip b{font-weight:600;color:var(--muted);margin-left:3px}
.chip[aria-pressed=true]{background:var(--accent);border-color:var(--accent);color:var(--on-accent)}.chip[aria-pressed=true] b{color:inherit}
.chips.tight{gap:2px}.tight .chip{font-size:11.5px!important;padding:0 4px}
.list{flex:1;min-height:0;overflow-y:auto;position:relative;scrollbar-width:thin;scrollbar-color:var(--edge) transparent}
.list:focus-visible{outline-offset:-2px!important}
.spacer{position:relative}
.crow{position:absolute;left:0;right:0;height:82px;padding:8px 10px 8px 12px;display:grid;grid-template-columns:196px minmax(0,1fr);gap:10px;border-bottom:1px solid var(--line);cursor:pointer}
.crow:hover{background:var(--raised)}.crow[aria-selected=true]{background:var(--soft)}
.crow.open{background:var(--soft);box-shadow:inset 4px 0 0 var(--accent)}
.three{display:flex;gap:2px}.three img{border-radius:4px;display:block;background:var(--raised)}
.crow .txt{display:flex;flex-direction:column;min-width:0;gap:1px}
.crow .nm{font-weight:600;line-height:17px;display:-webkit-box;-webkit-line-clamp:2;-webkit-box-orient:vertical;overflow:hidden;overflow-wrap:anywhere}
.crow .nm.un{font-weight:500;color:var(--muted)}
.crow .sz{font-size:12px;color:var(--muted);line-height:16px}
.tag{align-self:flex-start;font-size:11.5px;font-weight:500;line-height:16px;padding:0 6px;border-radius:4px;background:var(--raised);color:var(--muted);white-space:nowrap;box-shadow:inset 0 0 0 1px var(--line)}
.tag.w{background:var(--warn-bg);color:var(--warn);box-shadow:none}
.selbar{display:flex;gap:4px;align-items:center;padding:8px 10px;border-top:1px solid var(--line);background:var(--raised);flex-wrap:wrap}
.selbar .btn{height:28px;padding:0 7px}
.nothing{padding:24px 16px;color:var(--muted);text-align:center;flex:1}.nothing .btn{margin-top:10px}
`,R=`
.mid:focus{outline:none!important}.mid:focus-visible::before{content:"";position:absolute;inset:0 0 auto;height:3px;background:var(--accent);pointer-events:none;z-index:3}
.head{padding:11px 14px 8px;display:grid;grid-template-columns:minmax(0,1fr);gap:7px;border-bottom:1px solid var(--line);flex:none}
.namerow{display:flex;gap:8px;align-items:center}.namerow h2{margin:0;font-size:15px}
.no{font-weight:600;color:var(--muted);white-space:nowrap;display:flex;align-items:center}.no .sw{width:16px;height:16px;border-radius:4px}
.combo{position:relative;flex:1;min-width:0}
.combo .name{width:100%;height:40px;font-size:16px!important;font-weight:600!important;border:1.5px solid var(--edge);border-radius:8px;background:var(--surface);padding:0 38px 0 12px;text-overflow:ellipsis}
.combo .name::placeholder{font-weight:400}
.combo .name:focus{outline:2px solid var(--accent);outline-offset:0;border-color:var(--accent)}
.combo .n{position:absolute;right:10px;top:11px;pointer-events:none}.combo .name:focus~.n{display:none}
.pick{position:absolute;top:44px;left:0;right:0;z-index:20;background:var(--surface);border:1px solid var(--edge);border-radius:8px;box-shadow:var(--shadow);padding:4px;margin:0;list-style:none}
.pick li{display:flex;align-items:center;gap:4px;height:32px;padding:0 8px;border-radius:5px;cursor:pointer;white-space:nowrap;overflow:hidden}
.pick li>span:not(.sw):not(.q){overflow:hidden;text-overflow:ellipsis}
.pick li[aria-selected=true]{background:var(--soft)}
.pick .q{margin-left:auto;font-size:12px;color:var(--muted);display:flex;gap:8px;align-items:center}
.pick mark{background:none;color:inherit;font-weight:700}
.pick .new{border-top:1px solid var(--line);border-radius:0 0 5px 5px;color:var(--muted)}
.btn{height:32px;border:1px solid var(--line);border-radius:7px;background:var(--raised);padding:0 10px;display:inline-flex;gap:7px;align-items:center;font-weight:500!important;white-space:nowrap}
.btn:hover{border-color:var(--edge)}.btn.primary{background:var(--accent);border-color:var(--accent);color:var(--on-accent);font-weight:600!important}
.btn.primary kbd{background:transparent;color:inherit;border-color:currentColor}
.btn.tall{height:40px}.btn:disabled{color:var(--muted);border-style:dashed;cursor:default}
.quick{display:flex;flex-wrap:wrap;gap:5px;max-height:88px;overflow:hidden}.quick .hint{color:var(--muted);line-height:26px}
.qn{height:26px;max-width:176px;font-size:12.5px!important;border:1px solid var(--line);border-radius:7px;background:var(--surface);padding:0 8px 0 4px;display:inline-flex;gap:6px;align-items:center;font-weight:500!important;white-space:nowrap}
.qn:hover{border-color:var(--edge);background:var(--raised)}.qn .sw{margin:0}.qn .t,.t{overflow:hidden;text-overflow:ellipsis}
.acts{display:flex;gap:1px;flex-wrap:nowrap;overflow:hidden;padding:2px}
.acts .btn{height:28px;padding:0 4px 0 3px;gap:4px;background:none;border-color:transparent;font-size:12.5px!important}
.acts .btn:hover{background:var(--raised);border-color:var(--line)}.acts .btn[aria-pressed=true]{background:var(--soft);border-color:var(--accent)}
.facts{display:flex;gap:12px;align-items:center;font-size:12px;color:var(--muted);white-space:nowrap;overflow:hidden;min-height:26px}
.facts b{color:var(--text);font-weight:600}
.src{display:flex;gap:0 9px;align-content:flex-start;min-width:0;overflow:hidden;flex-wrap:wrap;height:18px;line-height:18px}.src .stack{display:flex;width:72px;height:8px;margin:5px 0;border-radius:4px;overflow:hidden;gap:1px;flex:none}.src .stack i{background:var(--line)}
.noted{border:0;background:none;color:var(--muted);border-radius:4px;font-size:12px!important;padding:2px 6px;text-decoration:underline}.noted.said{background:var(--soft);color:var(--text)}
.gallery{flex:1;min-height:0;display:flex;flex-direction:column;position:relative}
.gbar{display:flex;align-items:center;gap:10px;padding:6px 14px}
.seg{display:flex;border:1px solid var(--line);border-radius:7px;background:var(--raised);padding:1px}
.seg button{border:0;background:none;height:26px;padding:0 9px;border-radius:6px;font-size:12.5px!important;font-weight:500!important;color:var(--muted);white-space:nowrap}
.seg button[aria-pressed=true],.seg button[aria-selected=true]{background:var(--surface);color:var(--text);box-shadow:0 0 0 1px var(--edge);font-weight:600!important}
.seg i{font-style:normal;color:var(--muted);font-weight:500;margin-left:4px}
.ts-bench input[type=range]{accent-color:var(--accent);width:84px;margin:0;height:20px}
.rng{display:flex;align-items:center;gap:6px}
.note{background:var(--warn-bg);color:var(--warn);border-radius:6px;padding:4px 10px;font-size:12px;margin:0 14px 6px;white-space:nowrap;overflow:hidden;text-overflow:ellipsis;flex:none}
.gal{flex:1;min-height:0;overflow-y:auto;padding:3px 14px 8px;scrollbar-width:thin;scrollbar-color:var(--edge) transparent;position:relative}
.gal:focus-visible{outline-offset:-2px!important}.wait,.muted{color:var(--muted)}
.gsec{margin:0 0 6px}.gh{font-size:12px;font-weight:600;margin:0 0 4px;display:flex;gap:8px;align-items:baseline}.gh span{color:var(--muted);font-weight:400}
.grid{display:grid;gap:4px;grid-template-columns:repeat(auto-fill,var(--ts,100px))}
.gt{width:var(--ts,100px);height:var(--ts,100px);border-radius:4px;position:relative;cursor:pointer;background:var(--raised)}
.gt img{width:100%;height:100%;border-radius:4px;display:block}
.gt:hover{box-shadow:0 0 0 2px var(--surface),0 0 0 3px var(--edge)}
.gt.cur{box-shadow:0 0 0 2px var(--surface),0 0 0 4px var(--text);z-index:1}
.gt.sel{box-shadow:0 0 0 2px var(--surface),0 0 0 5px var(--accent);z-index:1}
.gt.sel::after{content:"\\2713";position:absolute;right:4px;top:4px;width:20px;height:20px;border-radius:50%;background:var(--accent);color:var(--on-accent);font-weight:700;font-size:12px;line-height:20px;text-align:center;
  box-shadow:0 0 0 2px var(--surface)}
.gfoot{padding:8px 14px;border-top:1px solid var(--line);display:flex;gap:6px;align-items:center;background:var(--raised);font-size:12px;flex-wrap:wrap}
.tip.native{position:absolute;z-index:12;pointer-events:none;background:var(--surface);border:1px solid var(--edge);border-radius:8px;box-shadow:var(--shadow);padding:4px}.tip.native img{display:block;border-radius:5px}
.alike{padding:8px 14px 12px;border-top:1px solid var(--line);display:none;flex:none}.alike h2{font-size:12px;margin:0 0 6px;font-weight:600}.alike h2 span{font-weight:400;color:var(--muted);margin-left:4px}
.arow{display:grid;grid-template-columns:repeat(auto-fill,150px);gap:10px;grid-auto-rows:0;grid-template-rows:auto;overflow:hidden;row-gap:0}
.acard{border:1px solid var(--line);border-radius:7px;background:none;padding:4px;text-align:left;width:150px}.acard:hover{border-color:var(--edge);background:var(--raised)}
.acard .an{display:flex;align-items:center;padding:5px 3px 1px;font-size:12px;white-space:nowrap}.acard b{font-weight:600;overflow:hidden;text-overflow:ellipsis}.acard i{font-style:normal;color:var(--muted);margin-left:auto;padding-left:6px}
@media (min-height:860px){.alike{display:block}}
.comparison{display:flex;flex-direction:column;flex:1;min-height:0}
.verdict{padding:12px 14px;border-bottom:1px solid var(--line);display:grid;gap:8px}.verdict p{margin:0}.verdict h2{font-size:16px;margin:0;font-weight:600;overflow-wrap:anywhere}
.cmp{display:grid;grid-template-columns:repeat(var(--cols,2),minmax(0,1fr));flex:1;min-height:0}
.column{display:flex;flex-direction:column;min-height:0;min-width:0;border-right:1px solid var(--line)}.column:last-child{border:0}
.ch{padding:10px 12px;display:grid;gap:6px;border-bottom:1px solid var(--line)}.ch h2{margin:0;font-size:15px;display:flex;align-items:center;gap:4px;min-width:0}.ch em{font-style:normal;color:var(--muted);font-weight:500;margin-left:auto;font-size:12px;white-space:nowrap}
.cmp .gal{--ts:108px;padding:8px 12px}
.overview{display:flex;flex-direction:column;min-height:0}.overview.whole{flex:1;overflow:auto}
.hero{margin:auto;max-width:500px;padding:24px;text-align:center;display:grid;gap:14px;justify-items:center}
.hero h2{font-size:22px;line-height:1.25;margin:0;font-weight:650;letter-spacing:-.01em}.hero p{margin:0;color:var(--muted);font-size:14px;line-height:1.55}.hero .small{font-size:13px}
.hero .btn.primary{height:44px;padding:0 22px;font-size:15px!important}
.classes{padding:14px 18px 20px;border-top:1px solid var(--line)}.classes h2{font-size:13px;margin:12px 0 8px}
.cl{display:grid;grid-template-columns:minmax(120px,1.3fr) 82px minmax(40px,1fr) 44px;gap:4px 10px;align-items:center;padding:5px 0;font-size:12.5px;color:var(--muted)}.cl b{color:var(--text);font-weight:600;overflow-wrap:anywhere}
.cl .tr{height:8px;border-radius:4px;background:var(--raised);overflow:hidden}.cl .tr i{display:block;height:100%;background:var(--muted)}.cl .r{text-align:right}
`,D=`
.view{flex:1 1 0;min-height:0;display:flex;flex-direction:column;position:relative}
.mapview{flex:0 0 auto;height:var(--hm,52%)}
.viewbox{position:relative;flex:1;min-height:0;overflow:hidden}.viewbox>*{position:absolute!important;inset:0;width:100%!important;height:100%!important;margin:0!important}
.vbar{display:flex;gap:8px;align-items:center;padding:6px 8px 6px 12px;height:42px;flex:none;border-bottom:1px solid var(--line);white-space:nowrap;overflow:hidden}
.vbar .seg button{height:24px;padding:0 8px;font-size:12px!important}.vbar .t{min-width:0}
.icon.s{width:28px!important;height:28px!important;border-radius:6px}
.right[data-fill=map] .slideview,.right[data-fill=map] .split,.right[data-fill=slide] .mapview,.right[data-fill=slide] .split{display:none}
.right[data-fill=map] .mapview{height:auto;flex:1}
.placeholder{position:absolute;inset:0;display:grid;place-items:center;align-content:center;gap:10px;color:var(--muted);text-align:center;padding:16px}
.tabs2{display:none}
.drawer{position:absolute;top:0;bottom:0;right:0;width:388px;max-width:60%;background:var(--surface);border-left:1px solid var(--edge);box-shadow:var(--shadow);z-index:30;padding:14px;display:flex;flex-direction:column;gap:10px;overflow:auto}
.drawer:focus{outline:none!important}.drawer .title{font-size:15px}
.big{width:100%;border-radius:6px;position:relative;overflow:hidden;flex:none;background:var(--raised)}.big img{width:100%;height:100%;display:block}
.big .frame{position:absolute;left:33.33%;top:33.33%;width:33.33%;height:33.33%;border:2px solid #fff;outline:1.5px solid #14171c}
.scale{position:absolute;left:10px;bottom:10px;background:rgba(255,255,255,.92);color:#14171c;border-radius:4px;padding:3px 6px 5px;font-size:11px;font-weight:600}.scale i{display:block;height:3px;background:#14171c;margin-top:2px}
.veil{position:fixed;inset:0;background:rgba(10,12,18,.5);z-index:1300;display:grid;place-items:center;padding:16px}
.dialog{background:var(--surface);border:1px solid var(--line);border-radius:12px;box-shadow:var(--shadow);width:min(820px,100%);max-width:100%;max-height:100%;overflow:auto;padding:20px 24px}
.dialog:focus{outline:none!important}.dialog h2{margin:0 0 4px;font-size:18px;overflow-wrap:anywhere}.dialog h3{font-size:13px;margin:0 0 6px}.dialog .about{margin:0 0 10px;color:var(--muted)}
.cols{display:grid;grid-template-columns:repeat(3,1fr);gap:24px;margin:16px 0}
.cols dl{display:grid;grid-template-columns:auto 1fr;gap:7px 10px;margin:0;align-items:center}.cols dt{display:flex;gap:3px}.cols dd{margin:0}
.foot{display:flex;align-items:center;gap:12px;border-top:1px solid var(--line);padding-top:14px;margin-top:12px}.foot .switch{display:flex;gap:8px;align-items:center}
.mrow{display:grid;grid-template-columns:24px 196px 1fr auto;gap:12px;align-items:center;padding:8px;border-radius:8px;cursor:pointer}.mrow[aria-selected=true]{background:var(--soft)}.mrow b{overflow-wrap:anywhere}
.other{width:100%;margin-bottom:8px}.part{display:grid;grid-template-columns:24px 90px 1fr;gap:10px;align-items:center;padding:6px 0}.n-parts{width:64px}
.note-text{width:100%;height:auto;padding:8px}.alarm{color:var(--bad)}
.history{max-height:56vh;overflow:auto}.history table{border-collapse:collapse;width:100%}.history td,.history th{text-align:left;padding:5px 10px 5px 0;border-bottom:1px solid var(--line);vertical-align:top;overflow-wrap:anywhere}.history .back td{color:var(--muted);text-decoration:line-through}
.history .back td:last-child{text-decoration:none}.history .btn{height:26px}
.strip{display:flex;align-items:center;gap:14px;padding:0 12px;background:var(--raised);border-top:1px solid var(--line);font-size:12px;white-space:nowrap;overflow:hidden}
.keys{display:flex;gap:14px;color:var(--muted)}.keys span{display:flex;gap:5px;align-items:center}.last{overflow:hidden;text-overflow:ellipsis}
`,U=`${k}
.ts-bench{position:absolute;inset:0;display:grid;grid-template-rows:minmax(0,1fr) 30px;background:var(--ground);overflow:hidden}
.panes{display:grid;grid-template-columns:var(--wl,340px) 8px minmax(0,1fr) 8px var(--wr,388px);min-height:0;min-width:0;position:relative}
.pane{background:var(--surface);min-width:0;min-height:0;display:flex;flex-direction:column;position:relative}
.split{background:var(--ground);position:relative;touch-action:none}.split.v{cursor:col-resize}.split.h{cursor:row-resize;height:8px;flex:none}
.split::after{content:"";position:absolute;left:50%;top:50%;width:2px;height:32px;margin:-16px -1px;border-radius:2px;background:var(--edge)}
.split.h::after{width:32px;height:2px;margin:-1px -16px}.split:hover::after,.split:focus-visible::after{background:var(--accent)}.split:focus-visible{outline-offset:-2px!important}
${K}${R}${D}
@media (max-width:1099px){
 .panes{grid-template-columns:var(--wl,304px) 8px minmax(0,1fr);grid-template-rows:minmax(0,1fr) 8px var(--hb,38%)}
 .left{grid-area:1/1}.split.of-left{grid-area:1/2/4/3}.mid{grid-area:1/3/4/4}.split.of-right{display:none}
 .right{grid-area:3/1}.tabs2{display:flex;gap:4px;padding:6px 12px 0}
 .tabs2 button{border:0;background:none;padding:3px 8px 5px;font-weight:500;color:var(--muted);border-bottom:2px solid transparent}.tabs2 button[aria-selected=true]{color:var(--text);border-color:var(--accent);font-weight:600}
 .right .split,.right[data-tab=map] .slideview,.right[data-tab=slide] .mapview{display:none}.mapview{height:auto;flex:1}
 .vbar{height:40px}.fill{display:none!important}.keys span:nth-child(n+5){display:none}
 .acts{gap:0}.acts .btn{padding:0 2px;font-size:12px!important}.gbar{gap:6px}.seg button{padding:0 7px}.chip b{display:none}.cols{grid-template-columns:1fr 1fr}
 .alike .arow{grid-template-columns:repeat(auto-fill,140px)}
}
@media (min-width:1600px){.panes{grid-template-columns:var(--wl,372px) 8px minmax(0,1fr) 8px var(--wr,640px)}.ts-bench{font-size:13.5px}.arow{grid-template-columns:repeat(auto-fill,180px)}.acard{width:180px}}
`;function t(a,d={},...p){let o=document.createElement(a);for(let[n,i]of Object.entries(d))i==null||i===!1||(n==="class"?o.className=i:n==="style"?o.style.cssText=i:n.startsWith("on")||n in o&&typeof i!="string"?o[n]=i:o.setAttribute(n,i===!0?"":i));return o.append(...p.flat().filter(n=>n!=null&&n!==!1)),o}var M=`${k}
.ts-top{display:flex;align-items:center;gap:12px;height:48px;padding:0 12px;background:var(--surface);white-space:nowrap;width:100%}
.brand{display:flex;gap:8px;align-items:center;font-size:15px;font-weight:700}
.ts-top nav{display:flex;height:100%}
.ts-top nav a{display:flex;align-items:center;padding:2px 9px 0;color:var(--muted);text-decoration:none;font-weight:500;border-bottom:2px solid transparent}
.ts-top nav a[aria-current]{color:var(--text);border-color:var(--accent);font-weight:600}.ts-top nav a:hover{color:var(--text)}
.ts-top nav a:focus-visible{outline-offset:-3px}
.choose{display:flex;gap:4px;min-width:0}
.ts-top select{height:32px;border:1px solid var(--line);border-radius:8px;background:var(--raised);padding:0 4px 0 8px;max-width:170px;font-weight:600;min-width:0}.ts-top select+select{font-weight:400;max-width:150px}
.ts-top select:hover{border-color:var(--edge)}
.progress{display:grid;gap:4px;font-size:12px;min-width:184px}.progress b{font-weight:600}
.track{height:6px;border-radius:3px;background:var(--line);display:flex;overflow:hidden}.track i{height:100%}
.doing{display:flex;gap:6px;align-items:center;font-size:12px;color:var(--muted);min-width:0;overflow:hidden;text-overflow:ellipsis}
.doing::before{content:"";width:8px;height:8px;border-radius:50%;background:var(--accent);flex:none}
.reader{display:flex;align-items:center;gap:7px}.reader input{height:32px;width:112px;border:1px solid var(--line);border-radius:8px;background:var(--raised);padding:0 8px}.reader input::placeholder{color:var(--muted);opacity:1}
.avatar{width:24px;height:24px;border-radius:50%;background:var(--soft);color:var(--accent);font-weight:600;font-size:11px;display:grid;place-items:center;flex:none}
.role{font-size:12px;color:var(--warn)}
.navmenu{display:none!important}
@media (max-width:1180px){.ts-top{gap:8px}.ts-top nav{display:none;position:fixed;top:48px;left:8px;z-index:40;height:auto;flex-direction:column;background:var(--surface);border:1px solid var(--edge);border-radius:8px;box-shadow:var(--shadow);padding:4px}
 .ts-top nav.shown{display:flex}.ts-top nav a{padding:7px 14px;border:0}.navmenu{display:grid!important}.brand span{display:none}}
@media (max-width:1099px){.progress{min-width:0}.reader input{width:84px}.doing{display:none}.progress .long,.role{display:none}.ts-top select{max-width:110px}.ts-top select+select{max-width:92px}}
`,P=[["1","1","var(--accent)"],["11","1","#219271"],["1","11","#e8c506"],["11","11","#b84ea3"]],Y=["tile","slide","dark","map","view"];function _(){let a="http://www.w3.org/2000/svg",d=document.createElementNS(a,"svg");for(let[p,o]of Object.entries({width:20,height:20,viewBox:"0 0 20 20","aria-hidden":"true"}))d.setAttribute(p,o);for(let[p,o,n]of P){let i=document.createElementNS(a,"rect");for(let[c,g]of Object.entries({x:p,y:o,width:8,height:8,rx:2,fill:n}))i.setAttribute(c,g);d.append(i)}return d}function B({model:a,el:d}){let p=(e,r)=>(a.set(e,r),a.save_changes()),o=t("nav",{"aria-label":"Pages"}),n=t("button",{type:"button",class:"icon navmenu","aria-label":"Pages","aria-expanded":"false"},"\u2630");n.onclick=()=>n.setAttribute("aria-expanded",String(o.classList.toggle("shown")));let i=t("select",{class:"ts-choose-run","aria-label":"Run",onchange:()=>p("run",i.value)}),c=t("select",{class:"ts-choose-clustering","aria-label":"Clustering",onchange:()=>p("interval",Number(c.value))}),g=t("div",{class:"choose"},i,c),h=t("span",{class:"doing",role:"status",hidden:!0}),f=t("div",{class:"progress ts-progress",role:"status"}),l=t("input",{class:"ts-author",placeholder:"Your name","aria-label":"Your name: it stands in the history",maxlength:"80",autocomplete:"off"});l.oninput=()=>p("author",l.value),l.onkeydown=e=>e.key==="Enter"&&l.blur();let z=t("span",{class:"avatar","aria-hidden":"true"}),S=t("span",{class:"role"}),u=t("button",{type:"button",class:"icon ts-dark",onclick:()=>p("dark",!a.get("dark"))}),q=t("button",{type:"button",class:"icon","aria-label":"Keys and help",title:"Keys and help (?)",onclick:()=>p("help",a.get("help")+1)},"?"),m=t("div",{class:"ts-top",role:"banner"},t("span",{class:"brand"},_(),t("span",{},"Tessera")),n,o,g,h,t("span",{class:"grow"}),f,S,t("label",{class:"reader"},z,l),u,q),v=t("style",{});v.textContent=M,d.append(v,m);let $=()=>o.replaceChildren(...a.get("pages").map((e,r)=>{let s=x=>{x.ctrlKey||x.metaKey||(x.preventDefault(),o.classList.remove("shown"),p("page",r))};return t("a",{href:`?page=${e.toLowerCase()}`,"aria-current":r===a.get("page")?"page":null,onclick:s},e)})),b=()=>{let e=a.get("runs");g.hidden=!e.length,i.replaceChildren(...e.map(s=>t("option",{value:s.name},s.name+(s.state==="finished"?"":`, ${s.state}`)))),i.value=a.get("run");let r=a.get("clusterings");c.hidden=r.length<2,c.replaceChildren(...r.map(s=>t("option",{value:String(s.interval)},s.title))),c.value=String(a.get("interval"))},A=()=>{let e=a.get("progress")??{};if(f.hidden=!e.clusters,!e.clusters)return f.replaceChildren();let r=s=>t("b",{},s);f.replaceChildren(t("span",{},r(`${e.named.toLocaleString("en")} of ${e.clusters.toLocaleString("en")}`),t("span",{class:"long"}," clusters")," \xB7 ",r(`${Math.floor(100*e.share)} %`)," of tiles",t("span",{class:"long"}," named")),t("span",{class:"track","aria-hidden":"true"},e.parts.map(([s,x])=>t("i",{style:`width:${100*x}%;background:${s}`}))))},w=()=>{let e=a.get("author");d.getRootNode().activeElement!==l&&(l.value=e),l.disabled=!!a.get("login"),z.textContent=e.split(/\s+/).map(r=>r[0]??"").slice(-2).join("").toUpperCase()||"?",S.textContent=a.get("may_change")?"":"you may look, not change"},N=()=>{let e=!!a.get("dark");m.classList.toggle("dark",e),u.textContent=e?"\u2600":"\u263E",u.setAttribute("aria-label",e?"Light page":"Dark page"),u.title=e?"Light page":"Dark page"},T=()=>{let e=a.get("doing");h.hidden=!e,h.textContent=e,h.title=e},L=e=>Object.fromEntries([...new URLSearchParams(e)].filter(([r])=>!Y.includes(r))),I=(e,r)=>JSON.stringify(Object.entries(e).sort())===JSON.stringify(Object.entries(r).sort()),y=!0,E=()=>{let e=a.get("address");if(a.get("arrived")!==(a.get("went")?.n??0)||!e||e===window.location.search)return;let r=y||I(L(e),L(window.location.search));y=!1,window.history[r?"replaceState":"pushState"]({},"",window.location.pathname+e)},C=()=>(y=!0,E()),O=()=>p("went",{n:(a.get("went")?.n??0)+1,search:window.location.search});window.addEventListener("popstate",O);let j={page:$,pages:$,runs:b,run:b,clusterings:b,interval:b,progress:A,author:w,login:w,may_change:w,dark:N,doing:T,address:E,arrived:C};for(let[e,r]of Object.entries(j))a.on(`change:${e}`,r);for(let e of new Set(Object.values(j)))e!==C&&e();return()=>{window.removeEventListener("popstate",O),m.remove(),v.remove()}}var W={render:B};export{W as default};
