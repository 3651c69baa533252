import { describe, expect, it } from 'vitest';
import type { ConversationExec } from '../../../src/dataplane/exec.ts';
import { RestoreSession } from '../../../src/dataplane/iptables/session.ts';
import { ManualClock } from '../cluster/manual-clock.ts';

/** A restore program that behaves as told. */
class TalkingRestore implements ConversationExec {
  readonly payloads: string[] = [];
  starts = 0;
  alive = 0;
  /** What becomes of the next texts that it is given, a first greeting among them; they are taken, by default. */
  readonly answers: ('taken' | 'dies' | 'silent')[] = [];

  converse: ConversationExec['converse'] = (_program, _args, listener) => {
    this.starts++;
    this.alive++;
    let ended = false;
    const end = () => {
      if (ended) return;
      ended = true;
      this.alive--;
      queueMicrotask(() => listener.onEnd());
    };
    return {
      say: (text) => {
        const mark = text.indexOf('# ');
        if (mark > 0) this.payloads.push(text.slice(0, mark));
        const answer = this.answers.shift() ?? 'taken';
        if (answer === 'dies') end();
        else if (answer === 'taken') queueMicrotask(() => listener.onLine?.(text.slice(mark, -1)));
      },
      end,
    };
  };
}

const PAYLOAD = '*nat\n:KUBE-SVC-A - [0:0]\n-A KUBE-SVC-A -j KUBE-SEP-A\nCOMMIT\n';

function begin() {
  const restore = new TalkingRestore();
  const clock = new ManualClock();
  const ending = new AbortController();
  const session = new RestoreSession({ exec: restore, program: 'iptables-nft-restore', clock });
  /** How the payload was applied. */
  const apply = async (payload = PAYLOAD) => {
    let how = 'session';
    await session.apply(payload, ending.signal, async () => {
      how = 'program';
    });
    return how;
  };
  return { restore, clock, ending, session, apply };
}

describe('a long-lived iptables-nft-restore', () => {
  it('is given small payloads, without being started anew', async () => {
    const { restore, apply } = begin();
    expect([await apply(), await apply()]).toEqual(['session', 'session']);
    expect(restore.payloads).toEqual([PAYLOAD, PAYLOAD]);
    expect(restore.starts).toBe(1);
  });

  it('is given the chain of a Service with thousands of endpoints', async () => {
    const { apply } = begin();
    const line = '-A KUBE-SVC-A -m statistic --mode random --probability 0.00020000000 -j KUBE-SEP-A\n';
    expect(await apply(PAYLOAD.replace('COMMIT', `${line.repeat(5_000)}COMMIT`))).toBe('session');
  });

  it.each([
    ['long', PAYLOAD.replace('COMMIT', `${'-A KUBE-SVC-A -j KUBE-SEP-A\n'.repeat(50_000)}COMMIT`)],
    ['of several COMMITs, of which it might take a part', PAYLOAD + PAYLOAD],
  ])('is not given what is %s', async (_what, payload) => {
    const { restore, apply } = begin();
    expect(await apply(payload)).toBe('program');
    expect(restore.starts).toBe(0);
  });

  it('leaves what it dies of to another program, and is started again', async () => {
    const { restore, apply } = begin();
    restore.answers.push('taken', 'dies');
    expect([await apply(), await apply()]).toEqual(['program', 'session']);
    expect(restore.starts).toBe(2);
  });

  it('is given nothing before it has shown that it answers', async () => {
    const { restore, clock, apply } = begin();
    restore.answers.push('silent');
    const answer = apply();
    clock.advance(10_000);
    expect(await answer).toBe('program');
    expect(restore.payloads).toEqual([]);
    expect(restore.alive).toBe(0);
    expect(await apply()).toBe('program');
    expect(restore.starts, 'never again').toBe(1);
  });

  it('may once be silent when it has answered before', async () => {
    const { restore, clock, apply } = begin();
    await apply();
    restore.answers.push('silent');
    const answer = apply();
    clock.advance(10_000);
    expect(await answer).toBe('program');
    expect(await apply()).toBe('session');
  });

  it('is given up where it is silent twice in a row', async () => {
    const { restore, clock, apply } = begin();
    await apply();
    restore.answers.push('silent', 'silent');
    for (let i = 0; i < 2; i++) {
      const answer = apply();
      clock.advance(10_000);
      expect(await answer).toBe('program');
    }
    expect(await apply()).toBe('program');
    expect(restore.starts).toBe(2);
  });

  it('is not given up for payloads that nobody takes', async () => {
    const { restore, ending, session, apply } = begin();
    await apply();
    const refuse = () => Promise.reject(new Error('refused'));
    for (let i = 0; i < 10; i++) {
      restore.answers.push('dies');
      await expect(session.apply(PAYLOAD, ending.signal, refuse)).rejects.toThrow('refused');
    }
    expect(await apply()).toBe('session');
  });

  it('is given up where it never works', async () => {
    const { restore, apply } = begin();
    restore.answers.push('dies', 'dies', 'dies', 'dies', 'dies', 'dies', 'dies');
    for (let i = 0; i < 10; i++) expect(await apply()).toBe('program');
    expect(restore.starts).toBe(5);
  });

  it('is let go when there is nothing to do', async () => {
    const { restore, clock, apply } = begin();
    await apply();
    expect(restore.alive).toBe(1);
    clock.advance(10_000);
    expect(restore.alive).toBe(0);
    expect(await apply()).toBe('session');
    expect(restore.starts).toBe(2);
  });

  it('ends with the daemon', async () => {
    const { restore, ending, clock, apply } = begin();
    await apply();
    ending.abort();
    expect(restore.alive).toBe(0);
    expect(await apply()).toBe('program');
    expect(clock.waits).toEqual([]);
  });
});
