import type { ComponentChildren } from 'preact';
import { useLayoutEffect, useRef, useState } from 'preact/hooks';

interface ScrollableProps {
  readonly class: string;
  /** What it is, for who cannot see it. */
  readonly label: string;
  /** Is told the width of the place, px. */
  readonly children: (width: number) => ComponentChildren;
}

/** Something that may be wider than its place. Where it is, keys can scroll it. */
export function Scrollable({ class: style, label, children }: ScrollableProps) {
  const element = useRef<HTMLElement>(null);
  const width = useWidth(element);
  const [scrolls, setScrolls] = useState(false);
  useLayoutEffect(() => {
    const { scrollWidth = 0, clientWidth = 0 } = element.current ?? {};
    setScrolls(scrollWidth > clientWidth);
  });
  return (
    <section class={style} ref={element} tabIndex={scrolls ? 0 : undefined} aria-label={label}>
      {width > 0 && children(width)}
    </section>
  );
}

/** The width of an element, px; 0 until it is known. */
export function useWidth(element: { current: HTMLElement | null }): number {
  const [width, setWidth] = useState(0);
  useLayoutEffect(() => {
    const { current } = element;
    if (!current) return undefined;
    setWidth(current.clientWidth);
    const observer = new ResizeObserver(() => setWidth(current.clientWidth));
    observer.observe(current);
    return () => observer.disconnect();
  }, [element]);
  return width;
}
