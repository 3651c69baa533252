import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import { Readable } from 'node:stream';
import { setImmediate, setTimeout } from 'node:timers/promises';
import { createGzip, constants as zlib } from 'node:zlib';
import type { Faults } from './faults.ts';

/** The real server's response writer buffers this much before it gives up on Content-Length. */
const LENGTH_KNOWN_BELOW = 2048;
/** Bodies from here on are compressed for clients that ask (the real server's threshold). */
const GZIP_FROM = 128 * 1024;
/** Pieces are gathered to about this size before they are written. */
const GATHER = 64 * 1024;

/** Sends a whole body, as the faults that are on will have it. */
export async function sendBody(response: ServerResponse, body: string, faults: Faults): Promise<void> {
  const bytes = Buffer.from(body);
  if (bytes.length < LENGTH_KNOWN_BELOW) response.setHeader('Content-Length', bytes.length);
  await writePiece(response, bytes, faults);
  response.end();
}

/**
 * Sends a body that is made piece by piece, so that a long list is never held whole.
 * @param gzip the client has asked for it
 */
export async function sendPieces(
  response: ServerResponse,
  pieces: Iterable<string>,
  gzip: boolean,
  faults: Faults,
): Promise<void> {
  const gathered = gather(pieces, gzip ? GZIP_FROM : GATHER);
  const first = gathered.next().value ?? '';
  const second = gathered.next();
  if (second.done === true && !(gzip && first.length >= GZIP_FROM)) return sendBody(response, first, faults);
  const all = chain(first, second.value, gathered);
  if (gzip) {
    response.setHeader('Vary', 'Accept-Encoding');
    response.setHeader('Content-Encoding', 'gzip');
    const packed = Readable.from(all).pipe(createGzip({ level: zlib.Z_BEST_SPEED }));
    for await (const bytes of packed) await writePiece(response, bytes as Buffer, faults);
  } else {
    for (const piece of all) await writePiece(response, Buffer.from(piece), faults);
  }
  response.end();
}

/** Sends the first half of a body and then no more, in good order (`end`) or not (`reset`). */
export async function sendHalf(response: ServerResponse, body: string, how: 'reset' | 'end'): Promise<void> {
  const bytes = Buffer.from(body);
  await new Promise<void>((resolve) => {
    response.once('close', resolve);
    response.write(bytes.subarray(0, bytes.length >> 1), () => resolve());
  });
  if (how === 'end') response.end();
  else response.destroy();
}

/** Writes bytes of a body and waits until more may be written, or until the client is gone. */
export async function writePiece(response: ServerResponse, bytes: Buffer, faults: Faults): Promise<void> {
  if (!faults.shapesBodies) return write(response, bytes);
  await faults.flowing();
  const { slowBody } = faults;
  if (slowBody !== undefined) {
    for (let start = 0; start < bytes.length && !response.destroyed; start += slowBody.bytesPerTick) {
      await write(response, bytes.subarray(start, start + slowBody.bytesPerTick));
      await setTimeout(slowBody.tickMs);
    }
  } else if (faults.splitCharacters) {
    for (const part of insideCharacters(bytes)) {
      await write(response, part);
      // Else both parts would leave in one packet.
      await setImmediate();
    }
  } else {
    await write(response, bytes);
  }
}

async function write(response: ServerResponse, bytes: Buffer): Promise<void> {
  if (response.destroyed || response.write(bytes)) return;
  const gone = new AbortController();
  const leave = () => gone.abort();
  response.once('close', leave);
  try {
    await once(response, 'drain', { signal: gone.signal });
  } catch {
    // The client is gone; whoever writes sees that in response.destroyed.
  } finally {
    response.off('close', leave);
  }
}

/** Cuts after the first byte of every character that has several. */
function* insideCharacters(bytes: Buffer): Generator<Buffer> {
  let start = 0;
  for (let index = 0; index < bytes.length; index++) {
    if ((bytes[index] ?? 0) >= 0xc0) {
      yield bytes.subarray(start, index + 1);
      start = index + 1;
    }
  }
  yield bytes.subarray(start);
}

/** Joins pieces to larger ones; the first has at least `first` characters unless it is all. */
function* gather(pieces: Iterable<string>, first: number): Generator<string, undefined> {
  let limit = first;
  let gathered = '';
  for (const piece of pieces) {
    gathered += piece;
    if (gathered.length >= limit) {
      yield gathered;
      gathered = '';
      limit = GATHER;
    }
  }
  if (gathered !== '') yield gathered;
}

function* chain(first: string, second: string | undefined, rest: Iterable<string>): Generator<string> {
  yield first;
  if (second !== undefined) yield second;
  yield* rest;
}
