import { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import type { Connection } from './connection.ts';

/** The API server's gitVersion (`v1.36.2`); undefined where it does not tell: nothing depends on it. */
export async function fetchVersion(connection: Connection, signal: AbortSignal): Promise<string | undefined> {
  try {
    const response = await connection.request({ path: '/version', signal });
    if (response.status !== 200) {
      response.discard();
      return undefined;
    }
    const { gitVersion } = JSON.parse(await text(Readable.from(response.body))) as { gitVersion?: unknown };
    return typeof gitVersion === 'string' ? gitVersion : undefined;
  } catch {
    return undefined;
  }
}
