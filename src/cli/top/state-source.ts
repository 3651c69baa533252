import { get } from 'node:http';
import { text } from 'node:stream/consumers';
import { RuntimeFailure } from '../../failure.ts';
import type { NodeState } from '../../ui/state.ts';

const PATH = '/debug/state';
/** ms */
const PATIENCE = 5_000;

/**
 * Asks a running proxy how it is.
 * @param address `ADDRESS:PORT` of its metrics server
 * @throws RuntimeFailure in one line for people
 */
export async function fetchState(address: string, signal: AbortSignal): Promise<NodeState> {
  const url = `http://${address}${PATH}`;
  let answer: Answer;
  try {
    answer = await ask(url, AbortSignal.any([signal, AbortSignal.timeout(PATIENCE)]));
  } catch (error) {
    throw new RuntimeFailure(
      'state',
      `nobody answers at ${address} (${reason(error)}): does fairlead run there, with this --metrics-bind-address?`,
      { cause: error },
    );
  }
  const { status, body } = answer;
  if (status !== 200) {
    const why = status === 404 ? 'this is no fairlead, or an older one' : `it answers ${status}`;
    throw new RuntimeFailure('state', `${url}: ${why}`);
  }
  try {
    const state = JSON.parse(body) as Partial<NodeState>;
    if (!Array.isArray(state.families)) throw new Error('no state of a node');
    return state as NodeState;
  } catch (error) {
    throw new RuntimeFailure('state', `${url}: the answer cannot be read: ${(error as Error).message}`);
  }
}

interface Answer {
  readonly status: number | undefined;
  readonly body: string;
}

function ask(url: string, signal: AbortSignal): Promise<Answer> {
  return new Promise((resolve, reject) => {
    get(url, { signal, agent: false }, (response) => {
      text(response).then((body) => resolve({ status: response.statusCode, body }), reject);
    }).on('error', reject);
  });
}

const REASONS: Readonly<Record<string, string>> = {
  ABORT_ERR: `no answer in ${PATIENCE / 1000} s`,
  ECONNREFUSED: 'connection refused',
  ECONNRESET: 'the connection was cut',
  EHOSTUNREACH: 'no route to it',
  ENETUNREACH: 'no route to it',
};

function reason(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  return REASONS[code ?? ''] ?? code ?? message;
}
