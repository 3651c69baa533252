import { identityOf } from '../../../src/cluster/mirror.ts';
import type { Logger, Observer, RelistReason, RequestRecord } from '../../../src/cluster/observer.ts';
import type { Kind, ObjectSink } from '../../../src/cluster/source.ts';

/** Remembers what a sink is told, as lines (`+Service demo/web`, `-Service demo/web`, `synced Service`), and the outcome. */
export class RecordingSink implements ObjectSink {
  lines: string[] = [];
  readonly objects = new Map<string, unknown>();

  upsert(kind: Kind, object: unknown): void {
    const name = `${kind} ${identityOf(object)?.key}`;
    this.objects.set(name, object);
    this.lines.push(`+${name}`);
  }

  delete(kind: Kind, key: string): void {
    this.objects.delete(`${kind} ${key}`);
    this.lines.push(`-${kind} ${key}`);
  }

  synced(kind: Kind): void {
    this.lines.push(`synced ${kind}`);
  }

  /** The lines since the last call. */
  take(): string[] {
    return this.lines.splice(0);
  }
}

export interface LogLine {
  readonly level: 'debug' | 'info' | 'warn';
  readonly message: string;
  readonly fields: object;
}

export class RecordingLogger implements Logger {
  readonly lines: LogLine[] = [];

  debug(fields: object, message: string): void {
    this.lines.push({ level: 'debug', message, fields });
  }

  info(fields: object, message: string): void {
    this.lines.push({ level: 'info', message, fields });
  }

  warn(fields: object, message: string): void {
    this.lines.push({ level: 'warn', message, fields });
  }

  /** The messages that an operator sees. */
  get shown(): string[] {
    return this.lines
      .filter(({ level }) => level !== 'debug')
      .map(({ level, message }) => `${level}: ${message}`);
  }
}

export class RecordingObserver implements Observer {
  readonly requests: RequestRecord[] = [];
  /** Kinds, as often as something was heard of them. */
  readonly heard: Kind[] = [];
  readonly lists: string[] = [];

  requestDone(request: RequestRecord): void {
    this.requests.push(request);
  }

  contact(kind: Kind): void {
    this.heard.push(kind);
  }

  listed(kind: Kind, reason: RelistReason): void {
    this.lists.push(`${kind} ${reason}`);
  }
}
