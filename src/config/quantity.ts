/** Bytes in each unit that Kubernetes' quantities know, from thousandths to tera. */
const UNITS: Readonly<Record<string, number>> = {
  '': 1,
  k: 1e3,
  K: 1e3, // The flags' help says 1K, the API says 1k.
  M: 1e6,
  G: 1e9,
  T: 1e12,
  Ki: 2 ** 10,
  Mi: 2 ** 20,
  Gi: 2 ** 30,
  Ti: 2 ** 40,
};

/** A number of bytes as Kubernetes writes it ("512", "1K", "2Ki", "3M"), or undefined where the text is none. */
export function parseQuantity(text: string): number | undefined {
  const [, number, unit] = /^\+?(\d+(?:\.\d+)?)([kKMGT]|[KMGT]i)?$/.exec(text) ?? [];
  return number === undefined ? undefined : Math.ceil(Number(number) * (UNITS[unit ?? ''] ?? 1));
}
