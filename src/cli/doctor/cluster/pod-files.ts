import { parseDocuments } from '../../../cluster/documents.ts';
import { asObject, type Json, objects } from '../../../tracker/fields.ts';
import { readInput } from '../../input.ts';
import { NotKnown } from '../check.ts';

/**
 * The Pods in files that also hold the objects of `--from`.
 * @throws NotKnown where there are none, or where they came by standard input, which is read once
 * @throws UsageError where a file cannot be read or does not parse
 */
export function podsInFiles(files: readonly string[]): readonly Json[] {
  const readable = files.filter((file) => file !== '-').map((file) => readInput('--from', file));
  const documents = readable.flatMap(({ text, source }) => parseDocuments(text, source));
  const found = documents.flatMap(({ value }) => podsIn(asObject(value) ?? {}));
  if (found.length === 0) throw new NotKnown('the files of --from have no Pods');
  return found;
}

function podsIn(object: Json): readonly Json[] {
  if (object['kind'] === 'Pod') return [object];
  if (object['kind'] === 'List') return objects(object['items']).flatMap(podsIn);
  return object['kind'] === 'PodList' ? objects(object['items']) : [];
}
