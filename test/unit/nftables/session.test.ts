import { describe, expect, it } from 'vitest';
import type { ConversationExec, ConversationListener } from '../../../src/dataplane/exec.ts';
import { NftSession } from '../../../src/dataplane/nftables/session.ts';
import { ManualClock } from '../cluster/manual-clock.ts';

/** An interactive nft that answers as told. */
class TalkingNft implements ConversationExec {
  readonly lines: string[] = [];
  starts = 0;
  alive = 0;
  /** What it says to the next transactions; nothing, by default. `dies` and `silent` say it all. */
  readonly answers: (readonly string[] | 'dies' | 'silent')[] = [];
  #listener: ConversationListener | undefined;

  converse: ConversationExec['converse'] = (_program, _args, listener) => {
    this.starts++;
    this.alive++;
    this.#listener = listener;
    let ended = false;
    const end = () => {
      if (ended) return;
      ended = true;
      this.alive--;
      queueMicrotask(() => listener.onEnd());
    };
    return {
      say: (text) => {
        const [line = '', mark = ''] = text.split('\n');
        this.lines.push(line);
        const answer = this.answers.shift() ?? [];
        if (answer === 'dies') return end();
        if (answer === 'silent') return;
        const complaint = ['Error: syntax error, unexpected newline, expecting string', mark, '       ^'];
        queueMicrotask(() => {
          for (const each of [...answer, ...complaint]) this.#listener?.onErrorLine(each);
        });
      },
      end,
    };
  };
}

const PAYLOAD = 'flush chain ip kube-proxy a\nadd rule ip kube-proxy a drop\n';

function begin() {
  const nft = new TalkingNft();
  const clock = new ManualClock();
  const ending = new AbortController();
  const session = new NftSession({ exec: nft, path: 'nft', clock });
  return { nft, clock, ending, apply: (payload = PAYLOAD) => session.apply(payload, ending.signal) };
}

describe('a long-lived nft', () => {
  it('is given transactions as one line each, without being started anew', async () => {
    const { nft, apply } = begin();
    expect([await apply(), await apply()]).toEqual([true, true]);
    const line = 'flush chain ip kube-proxy a; add rule ip kube-proxy a drop';
    expect(nft.lines).toEqual([line, line]);
    expect(nft.starts).toBe(1);
  });

  it('is not certain of what it complains about, and goes on', async () => {
    const { nft, apply } = begin();
    nft.answers.push([
      'Error: Could not process rule: File exists',
      'add chain ip kube-proxy a',
      '       ^^^',
    ]);
    expect([await apply(), await apply()]).toEqual([false, true]);
    expect(nft.starts).toBe(1);
  });

  it('is not certain of anything when it dies, and another one is started', async () => {
    const { nft, apply } = begin();
    nft.answers.push('dies');
    expect([await apply(), await apply()]).toEqual([false, true]);
    expect(nft.starts).toBe(2);
  });

  it('is ended when it does not answer, and never tried again', async () => {
    const { nft, clock, apply } = begin();
    nft.answers.push('silent');
    const answer = apply();
    clock.advance(10_000);
    expect(await answer).toBe(false);
    expect(nft.alive).toBe(0);
    expect(await apply()).toBe(false);
    expect(nft.starts).toBe(1);
  });

  it('is let go when there is nothing to do', async () => {
    const { nft, clock, apply } = begin();
    await apply();
    expect(nft.alive).toBe(1);
    clock.advance(10_000);
    expect(nft.alive).toBe(0);
    expect(await apply()).toBe(true);
    expect(nft.starts).toBe(2);
  });

  it('ends with the daemon', async () => {
    const { nft, ending, clock, apply } = begin();
    await apply();
    ending.abort();
    expect(nft.alive).toBe(0);
    expect(await apply()).toBe(false);
    expect(clock.waits).toEqual([]);
  });

  it('is not given what is long', async () => {
    const { nft, apply } = begin();
    expect(await apply(PAYLOAD.repeat(1000))).toBe(false);
    expect(nft.starts).toBe(0);
  });

  it('is not given up for transactions that are refused', async () => {
    const { nft, apply } = begin();
    for (let i = 0; i < 10; i++) {
      nft.answers.push([
        'Error: Could not process rule: File exists',
        'add chain ip kube-proxy a',
        '       ^^^',
      ]);
      expect(await apply()).toBe(false);
    }
    expect(await apply()).toBe(true);
    expect(nft.starts).toBe(1);
  });

  it('is given up where it never works', async () => {
    const { nft, apply } = begin();
    nft.answers.push('dies', 'dies', 'dies', 'dies', 'dies', 'dies', 'dies');
    for (let i = 0; i < 10; i++) expect(await apply()).toBe(false);
    expect(nft.starts).toBe(5);
  });
});
