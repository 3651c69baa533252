/** What iptables-save prints, table by table. Rules are as printed, without "-A CHAIN " and without counters. */
export interface SavedTable {
  readonly table: string;
  readonly chains: Map<string, SavedChain>;
}

export interface SavedChain {
  /** ACCEPT or DROP for the kernel's own chains, "-" for others. */
  readonly policy: string;
  readonly rules: string[];
}

/**
 * Reads the output of iptables-save (with or without -c). Lines that are none of its grammar are ignored but for
 * those that begin like a rule, which are kept as they are.
 */
export function parseSave(text: string): SavedTable[] {
  const tables: SavedTable[] = [];
  let current: SavedTable | undefined;
  for (const line of lines(text)) {
    if (line.startsWith('*')) {
      current = { table: line.slice(1).trim(), chains: new Map() };
      tables.push(current);
    } else if (line.startsWith(':')) {
      const [name = '', policy = '-'] = line.slice(1).split(' ');
      current?.chains.set(name, { policy, rules: [] });
    } else {
      addRule(current, line);
    }
  }
  return tables;
}

/** The inverse of parseSave, with counters at zero. */
export function printSave(tables: Iterable<SavedTable>): string {
  const out: string[] = [];
  for (const { table, chains } of tables) {
    out.push(`*${table}`);
    for (const [name, { policy }] of chains) out.push(`:${name} ${policy} [0:0]`);
    for (const [name, { rules }] of chains) for (const rule of rules) out.push(`-A ${name} ${rule}`);
    out.push('COMMIT');
  }
  return out.length > 0 ? `${out.join('\n')}\n` : '';
}

function addRule(table: SavedTable | undefined, line: string): void {
  const start = line.startsWith('[') ? line.indexOf('] ') + 2 : 0;
  if (!line.startsWith('-A ', start)) return;
  const nameEnd = line.indexOf(' ', start + 3);
  const name = nameEnd < 0 ? line.slice(start + 3) : line.slice(start + 3, nameEnd);
  // An empty rule matches everything and does nothing; it is a rule all the same.
  table?.chains.get(name)?.rules.push(nameEnd < 0 ? '' : line.slice(nameEnd + 1));
}

/** Without an array of all lines: a big node's dump has a hundred thousand. */
function* lines(text: string): Iterable<string> {
  for (let start = 0; start < text.length; ) {
    let end = text.indexOf('\n', start);
    if (end < 0) end = text.length;
    yield text.slice(start, end);
    start = end + 1;
  }
}
