import { afterEach, beforeAll, expect, test } from 'vitest';
import { type Certificates, makeCertificates } from './certificates.ts';
import { ask } from './client.ts';
import { type ApiServer, type ApiServerOptions, startApiServer } from './server.ts';

let certificates: Certificates;
let server: ApiServer | undefined;

beforeAll(async () => {
  certificates = await makeCertificates();
});

afterEach(() => server?.close());

test('tokens, also while they are exchanged', async () => {
  const { url, tokens } = await start({ tokens: { first: 'alice' } });
  const status = async (token: string) =>
    (await ask(`${url}/version`, { headers: { authorization: `Bearer ${token}` } })).status;
  expect([(await ask(`${url}/version`)).status, await status('first'), await status('second')]).toEqual([
    401, 200, 401,
  ]);
  tokens.clear();
  tokens.set('second', 'alice');
  expect([await status('first'), await status('second'), (await ask(`${url}/version`)).status]).toEqual([
    401, 200, 401,
  ]);
});

test('what is not allowed is named', async () => {
  const { url } = await start({
    tokens: { secret: 'system:serviceaccount:kube-system:fairlead' },
    deny: ({ verb, resource }) => verb === 'list' && resource.plural === 'servicecidrs',
  });
  const headers = { authorization: 'Bearer secret' };
  const refused = await ask(`${url}/apis/networking.k8s.io/v1/servicecidrs`, { headers });
  expect([refused.status, refused.json?.['message']]).toEqual([
    403,
    'servicecidrs.networking.k8s.io is forbidden: User "system:serviceaccount:kube-system:fairlead" cannot list resource "servicecidrs" in API group "networking.k8s.io" at the cluster scope',
  ]);
  expect((await ask(`${url}/api/v1/services`, { headers })).status).toBe(200);
});

test('TLS with a certificate of the server alone', async () => {
  const { ca } = certificates;
  const { url } = await start({ tls: { ...certificates.server, ca } });
  expect(url).toMatch(/^https:/);
  expect((await ask(`${url}/readyz`, { tls: { ca } })).text).toBe('ok');
  await expect(ask(`${url}/readyz`)).rejects.toMatchObject({ code: 'UNABLE_TO_VERIFY_LEAF_SIGNATURE' });
});

test('client certificates say who somebody is', async () => {
  const { ca, client } = certificates;
  const users: object[] = [];
  const { url } = await start({
    tls: { ...certificates.server, ca, clientCa: ca },
    deny: ({ user }) => {
      users.push(user);
      return false;
    },
  });
  expect((await ask(`${url}/api/v1/nodes`, { tls: { ca } })).status).toBe(401);
  expect((await ask(`${url}/api/v1/nodes`, { tls: { ca, ...client } })).status).toBe(200);
  expect(users).toEqual([{ name: 'system:kube-proxy', groups: ['system:node-proxiers'] }]);
});

async function start(options: ApiServerOptions): Promise<ApiServer> {
  server = await startApiServer(options);
  return server;
}
