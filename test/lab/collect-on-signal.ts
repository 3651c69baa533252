/** Loaded into a process by `--expose-gc --import`: SIGUSR2 has it collect its garbage, so that what is left can be measured. */
process.on('SIGUSR2', () => globalThis.gc?.());
