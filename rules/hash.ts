import { hash } from 'node:crypto';

const BASE32 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';

/** The first characters of the base32 (RFC 4648) SHA-256 of the text. Each character is worth five bits. */
export function shortHash(text: string, characters: number): string {
  const digest = hash('sha256', text, 'buffer');
  let out = '';
  for (let bit = 0; bit < characters * 5; bit += 5) {
    // Five bits may straddle two bytes.
    const pair = ((digest[bit >> 3] ?? 0) << 8) | (digest[(bit >> 3) + 1] ?? 0);
    out += BASE32[(pair >> (11 - (bit & 7))) & 31];
  }
  return out;
}
