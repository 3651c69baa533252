import { describe, expect, it } from 'vitest';
import { planVirtual } from '../../../rules/ipvs/virtual-plan.ts';

const SERVICE = '-t 10.96.0.1:80';
const real = (n: number, weight = 1) => `-r 10.244.0.${n}:8080 -m -w ${weight}`;
const text = (...reals: readonly string[]) => ['-s rr', ...reals].join('\n');
const nobody = () => false;

describe('a TCP endpoint that is removed', () => {
  it('gets no new connections and keeps the ones it has', () => {
    const change = planVirtual(SERVICE, text(real(5)), text(real(5), real(6)), true, nobody);
    expect(change).toEqual({
      additions: [],
      removals: [`-e ${SERVICE} ${real(6, 0)}`],
      text: text(real(5), real(6, 0)),
    });
  });

  it('is left alone while it drains', () => {
    expect(planVirtual(SERVICE, text(real(5)), text(real(5), real(6, 0)), true, nobody)).toBeUndefined();
  });

  it('goes when its last connection has ended', () => {
    const change = planVirtual(SERVICE, text(real(5)), text(real(5), real(6, 0)), true, () => true);
    expect(change?.removals).toEqual([`-d ${SERVICE} -r 10.244.0.6:8080`]);
    expect(change?.text).toBe(text(real(5)));
  });

  it('does not go at once, even if an older one of its address had drained', () => {
    const change = planVirtual(SERVICE, text(real(5)), text(real(5), real(6)), true, () => true);
    expect(change?.removals).toEqual([`-e ${SERVICE} ${real(6, 0)}`]);
  });

  it('is back at full weight as soon as it comes back', () => {
    const change = planVirtual(SERVICE, text(real(5), real(6)), text(real(5), real(6, 0)), true, nobody);
    expect(change).toMatchObject({ additions: [`-e ${SERVICE} ${real(6)}`], removals: [] });
  });

  it('does not hold up those that take its place', () => {
    const change = planVirtual(SERVICE, text(real(7)), text(real(6)), true, nobody);
    expect(change).toEqual({
      additions: [`-a ${SERVICE} ${real(7)}`],
      removals: [`-e ${SERVICE} ${real(6, 0)}`],
      text: text(real(6, 0), real(7)),
    });
  });
});

describe('an endpoint of UDP or SCTP that is removed', () => {
  it.each([1, 0])('goes at once, whatever its weight (%i)', (weight) => {
    const change = planVirtual(SERVICE, text(), text(real(6, weight)), false, nobody);
    expect(change?.removals).toEqual([`-d ${SERVICE} -r 10.244.0.6:8080`]);
  });
});

describe('a virtual server', () => {
  it('is changed in place when its scheduler or persistence changes', () => {
    const change = planVirtual(SERVICE, `-s rr -p 10800\n${real(5)}`, text(real(5)), true, nobody);
    expect(change?.additions).toEqual([`-E ${SERVICE} -s rr -p 10800`]);
  });

  it('goes with all its endpoints', () => {
    const change = planVirtual(SERVICE, undefined, text(real(5), real(6, 0)), true, nobody);
    expect(change).toEqual({ additions: [], removals: [`-D ${SERVICE}`], text: undefined });
  });

  it('that somebody gave other weights is put right', () => {
    const change = planVirtual(SERVICE, text(real(5)), text(real(5, 7)), true, nobody);
    expect(change?.additions).toEqual([`-e ${SERVICE} ${real(5)}`]);
  });
});
