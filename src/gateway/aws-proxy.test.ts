import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, expect, test, vi } from 'vitest';
import { createAwsSigner } from './aws-signer.ts';
import { startForwardProxy } from './forward-proxy.fixture.ts';
import { startUpstream } from './upstream.fixture.ts';

afterEach(() => vi.unstubAllEnvs());

test('credentials of AWS are requested through the proxy of the provider', async () => {
  const sts = await startUpstream();
  sts.answerWith((response) => {
    const credentials =
      '<AccessKeyId>AKID</AccessKeyId><SecretAccessKey>hush</SecretAccessKey><SessionToken>token</SessionToken><Expiration>2099-01-01T00:00:00Z</Expiration>';
    response.writeHead(200, { 'content-type': 'text/xml' });
    response.end(
      `<AssumeRoleWithWebIdentityResponse><AssumeRoleWithWebIdentityResult><Credentials>${credentials}</Credentials></AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>`,
    );
  });
  const proxy = await startForwardProxy(Number(new URL(sts.url).port));
  const directory = await mkdtemp(path.join(tmpdir(), 'longhaul-aws-'));
  await writeFile(path.join(directory, 'token'), 'web-identity');
  const variables = {
    AWS_WEB_IDENTITY_TOKEN_FILE: path.join(directory, 'token'),
    AWS_ROLE_ARN: 'arn:aws:iam::123456789012:role/longhaul',
    AWS_ENDPOINT_URL_STS: 'http://sts.test',
    AWS_CONFIG_FILE: path.join(directory, 'none'),
    AWS_SHARED_CREDENTIALS_FILE: path.join(directory, 'none'),
    AWS_EC2_METADATA_DISABLED: 'true',
    AWS_REGION: 'eu-west-1',
  };
  for (const [name, value] of Object.entries(variables)) vi.stubEnv(name, value);
  const signer = createAwsSigner({
    kind: 'bedrock',
    region: 'eu-west-1',
    baseUrl: 'https://bedrock.test',
    apiKey: null,
    accessKey: null,
    profile: null,
    models: {},
    headers: {},
    proxy: proxy.url,
  });
  const headers = await signer.sign({ url: new URL('https://bedrock.test/model'), headers: {}, body: [] });
  expect(headers['authorization']).toContain('Credential=AKID/');
  expect(headers['x-amz-security-token']).toBe('token');
  expect(proxy.passed).toMatchObject([{ method: 'POST', target: 'http://sts.test/' }]);
  await proxy.close();
  await sts.close();
  await rm(directory, { recursive: true });
});
