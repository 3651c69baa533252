import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { execa } from 'execa';
import { describe, expect, it } from 'vitest';
import { until } from '../../cluster/until.ts';
import { folder, MAIN } from '../fairlead.ts';
import { StateServer } from './state-server.ts';
import { nodeState, sync } from './states.ts';

const ENTER = '\x1b[?1049h';
const LEAVE = '\x1b[?1049l';
/** script(1) runs a command on a terminal of its own, and passes on what is typed and shown. */
const SCRIPT = '/usr/bin/script';

/** fairlead top on a terminal. */
async function onTerminal(server: StateServer) {
  const tty = join(await folder(), 'tty');
  const top = `${process.execPath} ${MAIN} top --interval=50ms --address=${server.address}`;
  // The terminal's settings afterwards tell whether it was left clean.
  const command = `tty >${tty}; stty rows 24 cols 80; ${top}; echo "exit code $?"; stty -a`;
  const session = execa(SCRIPT, ['-qec', command, '/dev/null'], {
    env: { TERM: 'xterm-256color', NO_COLOR: '1', SHELL: '/bin/sh' },
    reject: false,
    buffer: false,
    forceKillAfterDelay: 2_000,
  });
  let shown = '';
  session.stdout.setEncoding('utf8').on('data', (text: string) => {
    shown += text;
  });
  return {
    shown: () => shown,
    /** What the last whole frame had in its lines. */
    lastFrame: () => (shown.split('\x1b[H').at(-2) ?? '').replaceAll('\r', '').split('\x1b[K\n'),
    type: (keys: string) => session.stdin.write(keys),
    resize: (rows: number, columns: number) =>
      execa('stty', ['-F', readFileSync(tty, 'utf8').trim(), 'rows', `${rows}`, 'cols', `${columns}`]),
    ended: async () => {
      await session;
      return shown;
    },
    [Symbol.asyncDispose]: async () => {
      session.kill();
      await session;
    },
  };
}

describe.skipIf(!existsSync(SCRIPT))('fairlead top on a terminal', { timeout: 30_000 }, () => {
  it('follows what changes, fits the terminal, and leaves it clean at q', async () => {
    await using server = await StateServer.create(nodeState());
    await using terminal = await onTerminal(server);
    await until('a frame', () => terminal.shown().includes('1,234 Services'));
    expect(terminal.shown()).toContain(ENTER);
    server.state = nodeState({
      services: 4321,
      syncs: Array.from({ length: 40 }, (_, i) => sync(40 - i, [`default/s${i}:http/tcp`])),
    });
    await until('a change', () => terminal.lastFrame()[1] === '4,321 Services');
    expect(terminal.lastFrame()).toHaveLength(24);
    await terminal.resize(10, 30);
    // Rows and columns change one after the other.
    const fits = () => terminal.lastFrame().every((line) => line.length <= 30 + '\x1b[J'.length);
    await until('a smaller frame', () => terminal.lastFrame().length === 10 && fits());
    terminal.type('q');
    const all = await terminal.ended();
    expect(all).toContain(LEAVE);
    const after = all.slice(all.indexOf(LEAVE));
    expect(after).toContain('exit code 0');
    expect(after).toMatch(/ icanon /);
    expect(after).toMatch(/ echo /);
    expect(all.lastIndexOf('\x1b[?25h')).toBeGreaterThan(all.lastIndexOf('\x1b[?25l'));
  });

  it('goes on while nobody answers, and ends at Ctrl-C', async () => {
    const server = await StateServer.create(nodeState());
    await using terminal = await onTerminal(server);
    await until('a frame', () => terminal.shown().includes('1,234 Services'));
    await server[Symbol.asyncDispose]();
    await until('a complaint', () => terminal.lastFrame().at(-1)?.includes('nobody answers') ?? false);
    expect(terminal.lastFrame()[1]).toBe('1,234 Services');
    terminal.type('\x03');
    const after = (await terminal.ended()).split(LEAVE)[1];
    expect(after).toContain('exit code 0');
    expect(after).toMatch(/ icanon /);
  });
});
