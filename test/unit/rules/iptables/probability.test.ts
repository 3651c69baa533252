import { describe, expect, it } from 'vitest';
import { probabilityText } from '../../../../rules/iptables/probability.ts';

const FIXED_POINT = 2n ** 31n;

describe('the text of 1/n', () => {
  const rows: readonly [n: number, text: string][] = [
    [1, '1.00000000000'],
    [2, '0.50000000000'],
    [3, '0.33333333349'],
    [4, '0.25000000000'],
    [5, '0.20000000019'],
    [6, '0.16666666651'],
    [7, '0.14285714272'],
    // Exact ties in printf's rounding, which go to the even digit.
    [2048, '0.00048828125'],
    [4096, '0.00024414062'],
  ];
  it.each(rows)('n = %i: %s', (n, text) => {
    expect(probabilityText(n)).toBe(text);
  });

  it('is what kube-proxy, iptables and the kernel make of it, for every n up to 5000', () => {
    for (let n = 1; n <= 5000; n++) expect(probabilityText(n), `n = ${n}`).toBe(reference(BigInt(n)));
  });
});

/**
 * The way of 1/n in exact arithmetic: Go's 1.0/float64(n) printed by %0.10f, read by strtod, multiplied by 2^31 and
 * rounded by lround (xt_statistic keeps that), divided and printed by %.11f.
 */
function reference(n: bigint): string {
  const written = halfEven(scaled(toDouble(1n, n), 10n ** 10n));
  const read = toDouble(written, 10n ** 10n);
  const kept = halfUp(scaled(read, FIXED_POINT));
  const digits = halfEven({ top: kept * 10n ** 11n, bottom: FIXED_POINT })
    .toString()
    .padStart(12, '0');
  return `${digits.slice(0, -11)}.${digits.slice(-11)}`;
}

interface Fraction {
  readonly top: bigint;
  readonly bottom: bigint;
}

/** The nearest number with 53 significant bits, which is what a double holds. */
function toDouble(top: bigint, bottom: bigint): Fraction {
  let shift = 0n;
  while ((top << shift) / bottom < 2n ** 52n) shift++;
  return { top: halfEven({ top: top << shift, bottom }), bottom: 2n ** shift };
}

function scaled({ top, bottom }: Fraction, by: bigint): Fraction {
  return { top: top * by, bottom };
}

function halfUp({ top, bottom }: Fraction): bigint {
  return (top * 2n + bottom) / (bottom * 2n);
}

function halfEven({ top, bottom }: Fraction): bigint {
  const whole = top / bottom;
  const twice = (top % bottom) * 2n;
  return twice > bottom || (twice === bottom && whole % 2n === 1n) ? whole + 1n : whole;
}
