import { useEffect, useRef, useState } from 'preact/hooks';

/**
 * The answer to a question, asked anew when it is another question, and from time to time while what it is about
 * changes.
 * @template T
 * @param {object} question
 * @param {(signal: AbortSignal) => Promise<T>} question.ask
 * @param {string} question.key which question it is
 * @param {string} question.change is another when the answer may be
 * @param {number} question.delay ms before another question is asked: it may change again
 * @param {number} question.period ms at least from one asking to the next of the same
 * @returns {{ answer: T | undefined, problem: string | undefined, key: string }} key: the question answered
 */
export function useAnswer({ ask, key, change, delay, period }) {
  const [answered, setAnswered] = useState(
    /** @type {{ answer: T | undefined, problem: string | undefined, key: string }} */ ({
      answer: undefined,
      problem: undefined,
      key: '',
    }),
  );
  const latest = useRef(ask);
  latest.current = ask;
  const asking = useRef(
    /** @type {{ key: string, at: number, timer: ReturnType<typeof setTimeout> | undefined, gone: AbortController }} */ ({
      key: '',
      at: 0,
      timer: undefined,
      gone: new AbortController(),
    }),
  );

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
        const problem = /** @type {Error} */ (error).message;
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
