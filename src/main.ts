#!/usr/bin/env -S MALLOC_ARENA_MAX=1 node --max-semi-space-size=2
import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { runCleanup } from './cli/cleanup.ts';
import type { Command } from './cli/command.ts';
import { COMMANDS } from './cli/commands.ts';
import { runDryRun } from './cli/dry-run.ts';
import { runInit } from './cli/init.ts';
import { plain, print } from './cli/output.ts';
import { runDaemon } from './cli/run.ts';
import { writeConfig } from './cli/write-config.ts';
import { loadCommand, loadSettings, type Ports } from './config/load.ts';
import { exitCodeOf, messageOf } from './failure.ts';

/** Runs one command and returns the exit code: 0, 1 for a failure at run time, 2 for wrong usage. */
async function main(argv: readonly string[]): Promise<number> {
  try {
    const command = COMMANDS.find(({ name }) => name === argv[0]);
    if (command) return await runCommand(command, argv.slice(1));
    const loaded = loadSettings(argv, PORTS, COMMANDS);
    if (loaded.kind === 'print') return await printed(loaded.text);
    const { settings, notes } = loaded;
    if (settings.dryRun) return await runDryRun(settings, notes);
    if (settings.writeConfigTo !== undefined) return writeConfig(settings.writeConfigTo, settings);
    if (settings.cleanup) return await runCleanup(settings);
    if (settings.initOnly) return await runInit(settings);
    return await runDaemon(settings, notes);
  } catch (error) {
    process.stderr.write(`fairlead: ${messageOf(error).split('\n').map(plain).join('\n')}\n`);
    return exitCodeOf(error);
  }
}

const PORTS: Ports = { readFile: (path) => readFileSync(path, 'utf8'), hostname };

async function runCommand(command: Command, argv: readonly string[]): Promise<number> {
  const loaded = loadCommand(command, argv, PORTS);
  return loaded.kind === 'print' ? await printed(loaded.text) : await command.run(loaded);
}

async function printed(text: string): Promise<number> {
  await print(text.endsWith('\n') ? text : `${text}\n`);
  return 0;
}

// Whoever has closed it reads no complaint either.
process.stderr.on('error', () => {});
process.exitCode = await main(process.argv.slice(2));
