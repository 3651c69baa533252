import { describe, expect, it } from 'vitest';
import { contentSecurityPolicy } from '../../../src/ui/page-route.ts';

describe('the page', () => {
  it('may run its own script and style alone', () => {
    const policy = contentSecurityPolicy('<style>a{}</style><script type="module">1</script>');
    expect(policy).toMatch(
      /^default-src 'none'; script-src 'sha256-[^']+'; style-src 'sha256-[^']+'; connect-src 'self';/,
    );
    expect(policy).not.toContain('unsafe');
  });
});
