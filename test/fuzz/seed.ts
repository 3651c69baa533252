import fc from 'fast-check';

// The same cases in every run of CI, so that what fails there is what was changed; elsewhere new ones each time.
const seed = process.env['FUZZ_SEED'] ?? (process.env['CI'] === 'true' ? '20261121' : undefined);
if (seed !== undefined) fc.configureGlobal({ ...fc.readConfigureGlobal(), seed: Number(seed) });
