/** A row of a table; a heading stands alone on its line. */
export type Row = { readonly heading: string } | { readonly cells: readonly string[] };

/** Aligns cells: the first of a row to the left, the others to the right. Trailing empty cells may be left out. */
export function formatTable(header: readonly string[], rows: readonly Row[]): string {
  const cellRows = [header, ...rows.flatMap((row) => ('cells' in row ? [row.cells] : []))];
  const widths = header.map((_, column) =>
    Math.max(...cellRows.map((cells) => (cells[column] ?? '').length)),
  );
  const line = (cells: readonly string[]) =>
    widths
      .map((width, column) => {
        const cell = cells[column] ?? '';
        return column === 0 ? cell.padEnd(width) : cell.padStart(width);
      })
      .join('  ')
      .trimEnd();
  const rule = '-'.repeat(widths.reduce((sum, width) => sum + width + 2, -2));
  return [
    line(header),
    rule,
    ...rows.map((row) => ('cells' in row ? line(row.cells) : row.heading)),
    '',
  ].join('\n');
}

/** ms with three significant digits, and its unit: `8.31 ms`, `12.3 s`. */
export function formatTime(ms: number): string {
  return ms >= 1000 ? `${significant(ms / 1000)} s` : `${significant(ms)} ms`;
}

/** `0.04x`, `1.3x`, `27x`. */
export function formatRatio(ratio: number): string {
  if (ratio >= 10) return `${formatCount(Math.round(ratio))}x`;
  return `${ratio.toFixed(ratio < 0.95 ? 2 : 1)}x`;
}

/** Whole from 10 on, with thousands set off; below with one decimal where there is one. */
export function formatCount(count: number): string {
  return Number.isInteger(count) || count >= 10 ? Math.round(count).toLocaleString('en') : count.toFixed(1);
}

function significant(value: number): string {
  if (value >= 99.95) return value.toFixed(0);
  return value >= 9.995 ? value.toFixed(1) : value.toFixed(2);
}
