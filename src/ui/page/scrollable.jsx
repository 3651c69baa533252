import { useLayoutEffect, useRef, useState } from 'preact/hooks';

/** @import { ComponentChildren } from 'preact' */

/**
 * Something that may be wider than its place. Where it is, keys can scroll it.
 * @param {{ class: string, label: string, children: (width: number) => ComponentChildren }} props
 * label: what it is, for who cannot see it; children: is told the width of the place, in px
 */
export function Scrollable({ class: style, label, children }) {
  const element = useRef(/** @type {HTMLElement | null} */ (null));
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

/**
 * The width of an element, px; 0 until it is known.
 * @param {{ current: HTMLElement | null }} element
 */
export function useWidth(element) {
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
