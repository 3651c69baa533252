import { describe, expect, it, test } from 'vitest';
import { TOP } from '../../../../src/cli/top/command.ts';
import { refusalOf } from '../completion/refusal.ts';
import { fairlead } from '../fairlead.ts';
import { StateServer } from './state-server.ts';
import { nodeState, sync } from './states.ts';

describe('fairlead top --once', () => {
  it('prints one frame, and ends with 0', async () => {
    await using server = await StateServer.create(nodeState({ syncs: [sync(3, ['default/web:http/tcp'])] }));
    const { exitCode, stdout, stderr } = await fairlead(['top', '--once', '--address', server.address]);
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
    expect(stdout).toMatch(/^fairlead 1\.2\.3 on node-1 .*\n1,234 Services\n/);
    expect(stdout).toMatch(/\n +3s {2}default\/web +1 +12 ms +4\n$/);
    expect(server.asked).toBe(1);
  });

  it('is what happens where standard output is no terminal', async () => {
    await using server = await StateServer.create(nodeState());
    const { exitCode, stdout } = await fairlead(['top', '--address', server.address]);
    expect(exitCode).toBe(0);
    expect(stdout).not.toContain('\x1b');
  });

  it('asks where --metrics-bind-address says', async () => {
    await using server = await StateServer.create(nodeState());
    const bound = server.address.replace('127.0.0.1', '0.0.0.0');
    const { exitCode } = await fairlead(['top', '--once', `--metrics-bind-address=${bound}`]);
    expect(exitCode).toBe(0);
  });

  it('shows nothing that a terminal could take for a command', async () => {
    await using server = await StateServer.create(nodeState({ nodeName: 'node\x1b[2J\x07-1' }));
    const { stdout } = await fairlead(['top', '--once', '--address', server.address]);
    expect(stdout).toContain('node?[2J?-1');
  });

  test.each([
    ['404 page not found', /the answer cannot be read/],
    ['{}', /the answer cannot be read/],
  ])('ends with 1 where the answer is %j', async (answer, message) => {
    await using server = await StateServer.create(answer);
    const { exitCode, stdout, stderr } = await fairlead(['top', '--once', '--address', server.address]);
    expect(stderr).toMatch(message);
    expect({ exitCode, stdout, lines: stderr.trim().split('\n').length }).toEqual({
      exitCode: 1,
      stdout: '',
      lines: 1,
    });
  });

  it('ends with 1 and says what to look at where nobody answers', async () => {
    const { exitCode, stderr } = await fairlead(['top', '--once', '--address=127.0.0.1:1']);
    expect(exitCode).toBe(1);
    expect(stderr).toBe(
      'fairlead: nobody answers at 127.0.0.1:1 (connection refused): does fairlead run there, with this --metrics-bind-address?\n',
    );
  });

  test.each([
    [['default/web'], /"default\/web" has no meaning/],
    [['--address=nowhere'], /--address must be an IP address/],
    [['--interval=0s'], /--interval must be a duration above 0/],
    [['--metrics-bind-address='], /--address names another/],
  ])('%j is wrong usage', async (args, message) => {
    expect(await refusalOf(TOP, args)).toMatch(message);
  });
});
