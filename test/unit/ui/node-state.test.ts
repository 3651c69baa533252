import { describe, expect, it } from 'vitest';
import type { ServicePortKey } from '../../../rules/model.ts';
import { DataplaneError } from '../../../src/dataplane/dataplane.ts';
import { quarantinedServicePort } from '../../../src/ui/node-state.ts';

const SERVICE_PORT = 'default/web/tcp' as ServicePortKey;

describe('a ServicePort in quarantine', () => {
  it('is shown with what the kernel said of which line', () => {
    const error = new DataplaneError('refused', 'no such chain', { refusedLine: '-A x -j y' });
    expect(quarantinedServicePort({ servicePort: SERVICE_PORT, error, attempts: 2, retryAt: 5 })).toEqual({
      servicePort: SERVICE_PORT,
      message: 'no such chain',
      line: '-A x -j y',
      attempts: 2,
      retryAt: 5,
    });
  });

  it('is shown without the megabytes that a tool may quote', () => {
    const long = 'x'.repeat(1_000_000);
    const error = new DataplaneError('refused', long, { refusedLine: long });
    const shown = quarantinedServicePort({ servicePort: SERVICE_PORT, error, attempts: 1, retryAt: 0 });
    expect(JSON.stringify(shown).length).toBeLessThan(2_500);
    expect(shown.line).toMatch(/^x+…$/);
  });
});
