import { createHash } from 'node:crypto';
import { it } from '/work/main/node_modules/vitest/dist/index.js';
import { followCluster } from '/work/main/src/cluster/api.ts';
import { openConnection } from '/work/main/src/cluster/connection.ts';
import { startApiServer } from '/work/main/test/apiserver/server.ts';
import { RecordingLogger, RecordingObserver, RecordingSink } from '/work/main/test/unit/cluster/recorders.ts';
async function run(seed: string) {
  const server = await startApiServer({historyLimit: 20});
  const sink = new RecordingSink(), logger = new RecordingLogger(), observer = new RecordingObserver();
  const t0 = performance.now();
  const dbg: string[] = [];
  const push = logger.debug.bind(logger);
  for (const l of ['debug','info','warn'] as const) (logger as any)[l] = (f: any, m: string) => dbg.push(`${(performance.now()-t0).toFixed(0)} ${l} ${JSON.stringify(f)} ${m}`);
  const connection = await openConnection({master: server.url, env: {}, userAgent: 'x', observer});
  const c = new AbortController();
  const done = followCluster({connection, sink, logger, observer, nodeName:'node-1', serviceCIDRs:true, signal:c.signal, timing:{backoffMinMs:1,backoffMaxMs:4,answerMs:100,silenceMs:100}, random:()=>0.5});
  let n=0; const random=()=>createHash('sha256').update(`${seed} ${n++}`).digest().readUInt32BE()/2**32;
  const pick=(k:number)=>Math.floor(random()*k);
  const T: [string, ()=>unknown][] = [
    ['drop',() => server.dropConnections()],['compact',() => server.compact()],['endw',() => server.endWatches()],['bookmark',() => server.bookmark()],
    ['restart',() => server.restart({ resourceVersion: pick(2000) + 1 })],['stall',() => server.faults.stall()],['resume',() => server.faults.resume()],
    ['500',() => server.faults.failNext({ status: 500, count: pick(8) })],
    ['cutend',() => server.faults.cutWatches({ afterEvents: pick(4), count: pick(4), how: 'end' })],
    ['cutreset',() => server.faults.cutWatches({ afterEvents: pick(4), count: pick(4), how: 'reset' })],
    ['stop',() => server.stop()],['start',() => server.start().catch((e) => {dbg.push('start: '+e.message)})]];
  const put=(name:string)=>server.put({apiVersion:'v1',kind:'Service',metadata:{namespace:'demo',name},spec:{ports:[{port:80}]}});
  for (let step=0; step<400; step++) {
    const name=`web-${pick(12)}`;
    if (pick(3)===0) server.delete('Service','demo',name); else put(name);
    if (pick(4)===0) { const t=T[pick(T.length)]!; dbg.push(`${(performance.now()-t0).toFixed(0)} -- ${t[0]}`); await t[1](); }
    if (pick(4)===0) await new Promise(r=>setTimeout(r,pick(8)));
  }
  server.faults.clear(); dbg.push('-- end'); await server.start().catch((e)=>{dbg.push('start: '+e.message)}); put('the-last');
  const want=()=>JSON.stringify(server.list('Service').map(o=>(o as any).metadata.name+(o as any).metadata.resourceVersion).sort());
  const got=()=>JSON.stringify([...sink.objects].filter(([k])=>k.startsWith('Service ')).map(([,o])=>(o as any).metadata.name+(o as any).metadata.resourceVersion).sort());
  const d=Date.now()+3000; let ok=false;
  while(Date.now()<d) { if (got()===want()) {ok=true;break} await new Promise(r=>setTimeout(r,5)); }
  if(!ok){ console.log('FAIL', seed, 'listening', (server as any).http.listening, 'watches', server.watches(), 'rv', server.resourceVersion, '\n'+dbg.slice(-60).join('\n'), '\n', got(),'\n',want(), server.requests.slice(-8).map(r=>r.path+' '+r.status)); }
  c.abort(); await done; connection.close(); await server.close();
  return ok;
}
it('chaos', async () => { let bad=0; for (let i=0;i<Number(process.env.N??40);i++) if(!await run('s'+i+(process.env.S??''))) { bad++; if(bad>=2) break; } console.log('bad', bad); }, 600000);
