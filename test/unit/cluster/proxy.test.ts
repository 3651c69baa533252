import { describe, expect, it } from 'vitest';
import { proxyFor } from '../../../src/cluster/proxy.ts';

const PROXY = 'http://proxy:3128';

describe('proxyFor', () => {
  it.each([
    { server: 'https://10.0.0.1:6443', env: {}, proxy: undefined },
    { server: 'https://10.0.0.1:6443', env: { HTTPS_PROXY: PROXY }, proxy: PROXY },
    { server: 'https://10.0.0.1:6443', env: { https_proxy: PROXY }, proxy: PROXY },
    { server: 'https://10.0.0.1:6443', env: { HTTPS_PROXY: 'proxy:3128' }, proxy: PROXY },
    { server: 'https://10.0.0.1:6443', env: { HTTP_PROXY: PROXY }, proxy: undefined },
    { server: 'http://10.0.0.1:8080', env: { HTTP_PROXY: PROXY }, proxy: PROXY },
    { server: 'https://127.0.0.1:6443', env: { HTTPS_PROXY: PROXY }, proxy: undefined },
    { server: 'https://[::1]:6443', env: { HTTPS_PROXY: PROXY }, proxy: undefined },
    { server: 'https://localhost:6443', env: { HTTPS_PROXY: PROXY }, proxy: undefined },
  ])('$server with $env', ({ server, env, proxy }) => {
    expect(proxyFor(new URL(server), env)).toBe(proxy);
  });

  it.each([
    { server: 'https://10.0.0.1:6443', noProxy: '*', direct: true },
    { server: 'https://10.0.0.1:6443', noProxy: '10.0.0.1', direct: true },
    { server: 'https://10.0.0.1:6443', noProxy: '10.0.0.1:6443', direct: true },
    { server: 'https://10.0.0.1:6443', noProxy: '10.0.0.1:443', direct: false },
    { server: 'https://10.0.0.1', noProxy: '10.0.0.1:443', direct: true },
    { server: 'https://10.0.0.1:6443', noProxy: '192.168.0.0/16, 10.0.0.0/8', direct: true },
    { server: 'https://11.0.0.1:6443', noProxy: '10.0.0.0/8', direct: false },
    { server: 'https://[fd00::1]:6443', noProxy: 'fd00::/8', direct: true },
    { server: 'https://[fd00::1]:6443', noProxy: '[fd00::1]:6443', direct: true },
    { server: 'https://[fd00::1]:6443', noProxy: '10.0.0.0/99,/,:,nonsense/8', direct: false },
    { server: 'https://api.example.com', noProxy: 'example.com', direct: true },
    { server: 'https://example.com', noProxy: 'example.com', direct: true },
    { server: 'https://API.example.com', noProxy: '.Example.com', direct: true },
    { server: 'https://example.com', noProxy: '.example.com', direct: false },
    { server: 'https://badexample.com', noProxy: 'example.com', direct: false },
  ])('$server with NO_PROXY=$noProxy: direct $direct', ({ server, noProxy, direct }) => {
    const env = { HTTPS_PROXY: PROXY, NO_PROXY: noProxy };
    expect(proxyFor(new URL(server), env)).toBe(direct ? undefined : PROXY);
  });
});
