import { useEffect, useRef, useState } from 'preact/hooks';

export interface Question<T> {
  readonly ask: (signal: AbortSignal) => Promise<T>;
  /** Which question it is. */
  readonly key: string;
  /** Is another when the answer may be. */
  readonly change: string;
  /** ms before another question is asked: it may change again. */
  readonly delay: number;
  /** ms at least from one asking to the next of the same. */
  readonly period: number;
}

export interface Answered<T> {
  readonly answer: T | undefined;
  readonly problem: string | undefined;
  /** The question answered; empty: none yet. */
  readonly key: string;
}

interface Asking {
  key: string;
  at: number;
  timer: ReturnType<typeof setTimeout> | undefined;
  gone: AbortController;
}

/**
 * The answer to a question, asked anew when it is another question, and from time to time while what it is about
 * changes.
 */
export function useAnswer<T>({ ask, key, change, delay, period }: Question<T>): Answered<T> {
  const [answered, setAnswered] = useState<Answered<T>>({ answer: undefined, problem: undefined, key: '' });
  const latest = useRef(ask);
  latest.current = ask;
  const asking = useRef<Asking>({ key: '', at: 0, timer: undefined, gone: new AbortController() });

  useEffect(() => {
    const current = asking.current;
    const isOther = key !== current.key;
    if (!isOther && current.timer !== undefined) return;
    clearTimeout(current.timer);
    const wait = isOther ? (current.at === 0 ? 0 : delay) : Math.max(0, current.at + period - Date.now());
    current.key = key;
    current.timer = setTimeout(async () => {
      current.timer = undefined;
      current.at = Date.now();
      current.gone.abort();
      const gone = new AbortController();
      current.gone = gone;
      try {
        const answer = await latest.current(gone.signal);
        if (!gone.signal.aborted) setAnswered({ answer, problem: undefined, key });
      } catch (error) {
        const problem = (error as Error).message;
        if (!gone.signal.aborted) setAnswered(({ answer }) => ({ answer, problem, key }));
      }
    }, wait);
  }, [key, change]);

  useEffect(() => {
    const current = asking.current;
    return () => {
      clearTimeout(current.timer);
      current.gone.abort();
    };
  }, []);
  return answered;
}
