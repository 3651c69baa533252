/**
 * The text of probability 1/n as iptables-save prints it, after kube-proxy wrote it with ten decimals: the kernel
 * keeps a 31-bit fraction (xt_statistic), printed back with eleven.
 */
export function probabilityText(n: number): string {
  const written = Number(roundHalfEven(1 / n, 10));
  return roundHalfEven(Math.round(written * 2 ** 31) / 2 ** 31, 11);
}

/** printf's %.Nf: as toFixed, but an exact tie goes to the even digit (1/2048 is one). */
function roundHalfEven(value: number, digits: number): string {
  const rounded = value.toFixed(digits);
  // A tie is an odd multiple of half the last digit, and so of 1/2^(digits + 1). Hardly any value is.
  const multiple = value * 2 ** (digits + 1);
  if (!Number.isInteger(multiple) || multiple % 2 === 0) return rounded;
  // 100 decimals are exact for every double above 2^-48, far below any probability here.
  const exact = value.toFixed(100);
  const cut = exact.length - 100 + digits;
  const isTie = exact[cut] === '5' && /^50*$/.test(exact.slice(cut));
  return isTie && Number(exact[cut - 1]) % 2 === 0 ? exact.slice(0, cut) : rounded;
}
