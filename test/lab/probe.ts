/**
 * A client in a namespace: reads commands (`probe-protocol.ts`) on stdin, one JSON object a line, and writes a reply
 * line for each when it is done. Ends when its stdin does and all replies are written.
 */
import { createSocket } from 'node:dgram';
import { Agent, request } from 'node:http';
import { isIPv6 } from 'node:net';
import { createInterface } from 'node:readline';
import { setTimeout as pause } from 'node:timers/promises';
import type { Answer, ProbeCommand, ProbeReply, Target } from './probe-protocol.ts';

interface Connection {
  readonly agent: Agent;
  readonly target: Target;
}

const connections = new Map<string, Connection>();

for await (const line of createInterface({ input: process.stdin })) {
  // Replies come as they are ready: a long series must not delay what is asked meanwhile.
  void obey(JSON.parse(line)).then((reply) => process.stdout.write(`${JSON.stringify(reply)}\n`));
}
for (const { agent } of connections.values()) agent.destroy();

async function obey(command: ProbeCommand): Promise<ProbeReply> {
  switch (command.op) {
    case 'request':
      return { id: command.id, answers: await series(command) };
    case 'open': {
      const connection = { agent: new Agent({ keepAlive: true, maxSockets: 1 }), target: command.target };
      connections.set(command.connection, connection);
      return { id: command.id, answers: [await http(command.target, command.timeoutMs, connection.agent)] };
    }
    case 'ask': {
      const connection = connections.get(command.connection);
      if (connection === undefined) throw new Error(`no open connection ${command.connection}`);
      return {
        id: command.id,
        answers: [await http(connection.target, command.timeoutMs, connection.agent, true)],
      };
    }
  }
}

async function series(command: Extract<ProbeCommand, { op: 'request' }>): Promise<readonly Answer[]> {
  const { target, count, parallel, timeoutMs, pauseMs } = command;
  const answers: Answer[] = [];
  const worker = async (share: number) => {
    for (let i = 0; i < share; i++) {
      answers.push(target.protocol === 'udp' ? await udp(target, timeoutMs) : await http(target, timeoutMs));
      if (pauseMs > 0) await pause(pauseMs);
    }
  };
  const shares = Array.from({ length: parallel }, (_, i) => Math.floor((count + i) / parallel));
  await Promise.all(shares.map(worker));
  return answers;
}

function http(target: Target, timeoutMs: number, agent?: Agent, reuse = false): Promise<Answer> {
  const start = performance.now();
  return new Promise((resolve) => {
    const settle = (result: { pod: string; client: string } | { error: string }) => {
      clearTimeout(timer);
      resolve({ ...result, ms: round(performance.now() - start) });
    };
    const call = request({
      host: target.address,
      port: target.port,
      agent: agent ?? false,
      ...(target.from === undefined ? {} : { localAddress: target.from }),
    });
    const timer = setTimeout(() => {
      settle({ error: 'timeout' });
      call.destroy();
    }, timeoutMs);
    call.on('error', (error) => settle({ error: kind(error) }));
    call.on('response', async (response) => {
      // The agent opens another connection by itself where the first one has broken.
      if (reuse && !call.reusedSocket) settle({ error: 'reset' });
      try {
        let text = '';
        for await (const chunk of response) text += chunk;
        settle(JSON.parse(text));
      } catch (error) {
        settle({ error: kind(error) });
      }
    });
    call.end();
  });
}

function udp(target: Target, timeoutMs: number): Promise<Answer> {
  const start = performance.now();
  return new Promise((resolve) => {
    const socket = createSocket(isIPv6(target.address) ? 'udp6' : 'udp4');
    const settle = (result: { pod: string; client: string } | { error: string }) => {
      clearTimeout(timer);
      socket.removeAllListeners('error').on('error', () => {});
      socket.close();
      resolve({ ...result, ms: round(performance.now() - start) });
    };
    const timer = setTimeout(() => settle({ error: 'timeout' }), timeoutMs);
    socket.on('error', (error) => settle({ error: kind(error) }));
    socket.on('message', (message) => settle(JSON.parse(message.toString())));
    // Only a connected socket is told of the ICMP error that a refusal is.
    const send = () => socket.connect(target.port, target.address, () => socket.send('who are you?'));
    if (target.from === undefined) send();
    else socket.bind({ address: target.from }, send);
  });
}

function kind(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? String(error.code) : String(error);
  switch (code) {
    case 'ECONNREFUSED':
      return 'refused';
    case 'ETIMEDOUT':
      return 'timeout';
    case 'ECONNRESET':
    case 'EPIPE':
      return 'reset';
    case 'EHOSTUNREACH':
    case 'ENETUNREACH':
      return 'unreachable';
    default:
      return code;
  }
}

function round(ms: number): number {
  return Math.round(ms * 10) / 10;
}
