import { fileURLToPath } from 'node:url';

/**
 * For the environment of programs that are started again and again: Node.js takes what it has compiled from there,
 * which saves it most of the work of starting.
 */
export const COMPILE_CACHE: Readonly<Record<string, string>> = {
  NODE_COMPILE_CACHE: fileURLToPath(new URL('../../node_modules/.cache/fairlead-lab', import.meta.url)),
};
