import { describe, expect, it } from 'vitest';
import { ExecError, systemExec } from '../../../src/dataplane/exec.ts';

const { execPath } = process;

describe('systemExec.lines', () => {
  const read = async (script: string, input?: string) => {
    const lines: string[] = [];
    const options = input === undefined ? {} : { input };
    const ended = await systemExec.lines(execPath, ['-e', script], (line) => lines.push(line), options);
    return { lines, ...ended };
  };

  it('passes on every line once, in order, however they arrive', async () => {
    const { lines } = await read('for (let i = 0; i < 100000; i++) console.log("line " + i + " é")');
    expect(lines).toHaveLength(100_000);
    expect(lines.every((line, i) => line === `line ${i} é`)).toBe(true);
  });

  it('passes on a last line that does not end', async () => {
    expect((await read('process.stdout.write("a\\n\\nb")')).lines).toEqual(['a', '', 'b']);
  });

  it('gives the input, and tells how it ended', async () => {
    const script = 'process.stdin.pipe(process.stdout); process.stderr.write("said"); process.exitCode = 3';
    expect(await read(script, 'one\ntwo\n')).toEqual({ lines: ['one', 'two'], exitCode: 3, stderr: 'said' });
  });

  it('says that a program is missing', async () => {
    const running = systemExec.lines('no-such-program', [], () => {});
    await expect(running).rejects.toThrow(
      expect.objectContaining({ code: 'missing', message: 'no-such-program: not found in PATH' }),
    );
  });

  it('ends the program when told to', async () => {
    const stop = new AbortController();
    const script = 'console.log("running"); setInterval(() => {}, 1000)';
    const running = systemExec.lines(execPath, ['-e', script], () => stop.abort(), { signal: stop.signal });
    await expect(running).rejects.toThrow(ExecError);
    await expect(running).rejects.toThrow(expect.objectContaining({ code: 'aborted' }));
  });
});
