import type { Session } from 'node:inspector';
import type { Clock } from '../cluster/clock.ts';
import { pause } from '../cluster/clock.ts';
import { type Answer, type Route, type RouteRequest, text } from './route.ts';

const MAX_SECONDS = 300;
const DEFAULT_SECONDS = 30;

/**
 * Profiles under kube-proxy's paths, in the formats of V8 (Chrome's developer tools open them). One at a time: they
 * cost what they measure. The inspector is loaded when the first is asked for.
 */
export function profileRoutes(clock: Clock): readonly Route[] {
  let busy = false;
  const oneAtATime = (take: Route['answer']): Route['answer'] => {
    return async (request) => {
      if (request.method === 'HEAD') return download('', FILE_NAME);
      if (busy) return text('another profile is being taken\n', 409);
      busy = true;
      const release = (): void => {
        busy = false;
      };
      try {
        const answer = await take(request);
        if (typeof answer.body !== 'string') return { ...answer, body: thenRelease(answer.body, release) };
        release();
        return answer;
      } catch (error) {
        release();
        throw error;
      }
    };
  };
  return [
    { path: '/debug/pprof', answer: () => text(INDEX) },
    { path: '/debug/pprof/', answer: () => text(INDEX) },
    { path: '/debug/pprof/profile', answer: oneAtATime((request) => cpuProfile(request, clock)) },
    { path: '/debug/pprof/heap', answer: oneAtATime((request) => heapProfile(request, clock)) },
  ];
}

async function* thenRelease(
  parts: Exclude<Answer['body'], string>,
  release: () => void,
): AsyncGenerator<string | Buffer> {
  try {
    yield* parts;
  } finally {
    release();
  }
}

const FILE_NAME = 'fairlead';

const INDEX = `/debug/pprof/profile?seconds=30  where CPU time goes, as a .cpuprofile
/debug/pprof/heap?seconds=30     what allocates memory, sampled, as a .heapprofile
/debug/pprof/heap                all that is in memory, as a .heapsnapshot; takes as much memory again
`;

async function cpuProfile(request: RouteRequest, clock: Clock): Promise<Answer> {
  const seconds = secondsOf(request, DEFAULT_SECONDS);
  if (seconds === undefined) return badSeconds(request);
  return await inSession(async (session) => {
    await post(session, 'Profiler.enable');
    await post(session, 'Profiler.start');
    await pause(clock, seconds * 1000, request.signal);
    const { profile } = (await post(session, 'Profiler.stop')) as { profile: object };
    return download(JSON.stringify(profile), `${FILE_NAME}.cpuprofile`);
  });
}

async function heapProfile(request: RouteRequest, clock: Clock): Promise<Answer> {
  if (!request.query.has('seconds')) {
    const { getHeapSnapshot } = await import('node:v8');
    return download(getHeapSnapshot(), `${FILE_NAME}.heapsnapshot`);
  }
  const seconds = secondsOf(request, DEFAULT_SECONDS);
  if (seconds === undefined) return badSeconds(request);
  return await inSession(async (session) => {
    await post(session, 'HeapProfiler.enable');
    await post(session, 'HeapProfiler.startSampling');
    await pause(clock, seconds * 1000, request.signal);
    const { profile } = (await post(session, 'HeapProfiler.stopSampling')) as { profile: object };
    return download(JSON.stringify(profile), `${FILE_NAME}.heapprofile`);
  });
}

function secondsOf({ query }: RouteRequest, fallback: number): number | undefined {
  const seconds = query.has('seconds') ? Number(query.get('seconds')) : fallback;
  return seconds > 0 && seconds <= MAX_SECONDS ? seconds : undefined;
}

function badSeconds({ query }: RouteRequest): Answer {
  const value = query.get('seconds');
  return text(`seconds must be above 0 and at most ${MAX_SECONDS}: current value is "${value}"\n`, 400);
}

function download(body: Answer['body'], filename: string): Answer {
  return { type: 'application/octet-stream', body, filename };
}

async function inSession(run: (session: Session) => Promise<Answer>): Promise<Answer> {
  const { Session } = await import('node:inspector');
  const session = new Session();
  session.connect();
  try {
    return await run(session);
  } finally {
    session.disconnect();
  }
}

function post(session: Session, method: string): Promise<unknown> {
  return new Promise((resolve, reject) => {
    session.post(method, (error, result) => (error ? reject(error) : resolve(result)));
  });
}
