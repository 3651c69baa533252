/** A line of a difference: only in the kernel, only desired, or in both. */
export interface DifferenceLine {
  readonly sign: '-' | '+' | ' ';
  readonly text: string;
}

/** Cells of the table that looks for what two lists have in common: above, they are taken to have nothing in common. */
const MOST_CELLS = 4_000_000;

/**
 * What turns one list of lines into another, in order, without the lines that stay.
 * @param isSame of a line of each, by their places
 */
export function lineDifference(
  before: readonly string[],
  after: readonly string[],
  isSame: (before: number, after: number) => boolean,
): readonly DifferenceLine[] {
  let start = 0;
  while (start < before.length && start < after.length && isSame(start, start)) start++;
  let [endBefore, endAfter] = [before.length, after.length];
  while (endBefore > start && endAfter > start && isSame(endBefore - 1, endAfter - 1)) {
    endBefore--;
    endAfter--;
  }
  const [rows, columns] = [endBefore - start, endAfter - start];
  const common =
    rows * columns > MOST_CELLS
      ? () => 0
      : longestCommon(rows, columns, (i, j) => isSame(start + i, start + j));
  const lines: DifferenceLine[] = [];
  for (let i = 0, j = 0; i < rows || j < columns; ) {
    const [here, withoutBefore, withoutAfter] = [common(i, j), common(i + 1, j), common(i, j + 1)];
    if (i < rows && (j === columns || withoutBefore === here)) {
      lines.push({ sign: '-', text: before[start + i++] ?? '' });
    } else if (j < columns && (i === rows || withoutAfter === here)) {
      lines.push({ sign: '+', text: after[start + j++] ?? '' });
    } else {
      i++;
      j++;
    }
  }
  return lines;
}

/** How many lines the rests from two places on have in common, in order. */
function longestCommon(
  rows: number,
  columns: number,
  isSame: (row: number, column: number) => boolean,
): (row: number, column: number) => number {
  const width = columns + 1;
  const table = new Uint32Array((rows + 1) * width);
  const at = (row: number, column: number): number =>
    row > rows || column > columns ? 0 : (table[row * width + column] ?? 0);
  for (let i = rows - 1; i >= 0; i--) {
    for (let j = columns - 1; j >= 0; j--) {
      table[i * width + j] = isSame(i, j) ? at(i + 1, j + 1) + 1 : Math.max(at(i + 1, j), at(i, j + 1));
    }
  }
  return at;
}
