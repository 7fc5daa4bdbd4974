// proves: resource_limits
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { InstanceTypes } from './instance-types.js';

const files: Record<string, string> = {
  '/types/.yaml': 'aws: aws.yaml\nazure: azure.yaml\nodd: ../../etc/passwd\n',
  '/types/aws.yaml': 't2.micro: {cpu: 0.1, mem: 1}\nm5.large: {cpu: 2, mem: 8}\nsame: {cpu: 1, mem: 1}\n',
  '/types/azure.yaml': 'Standard_A1: {cpu: 1, mem: 1.75}\nsame: {cpu: 2, mem: 2}\nbroken: nothing\n',
};

let server: Server;
let asked = 0;
let address = '';

beforeAll(async () => {
  server = createServer((request, response) => {
    asked++;
    const text = files[request.url ?? ''];
    response.writeHead(text === undefined ? 404 : 200).end(text);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  address = `http://127.0.0.1:${(server.address() as AddressInfo).port}/types`;
});

afterAll(() => server.close());

describe('an instance type', () => {
  it.each([
    ['', {}],
    ['c1-m2', { 'limits.cpu': '1', 'limits.memory': '2048MB' }],
    ['c1.5-m0.5', { 'limits.cpu': '2', 'limits.cpu.allowance': '75%', 'limits.memory': '512MB' }],
    ['m0.3333-c2.01', { 'limits.cpu': '3', 'limits.cpu.allowance': '67%', 'limits.memory': '341MB' }],
    ['c1-m1-c2', { 'limits.cpu': '2', 'limits.memory': '1024MB' }],
    ['c0-m0', {}],
  ])('%j says itself what it stands for', async (type, limits) => {
    expect(await new InstanceTypes('http://127.0.0.1:1').limits(type)).toEqual(limits);
  });

  it('is looked up by its name in the catalogue, which is read once', async () => {
    const types = new InstanceTypes(address);
    expect(await types.limits('t2.micro')).toEqual({ 'limits.cpu': '1', 'limits.cpu.allowance': '10%', 'limits.memory': '1024MB' });
    expect(await types.limits('aws:T2.Micro')).toEqual(await types.limits('t2.micro'));
    expect(await types.limits('m5.large')).toEqual({ 'limits.cpu': '2', 'limits.memory': '8192MB' });
    expect(await types.limits('azure:standard_a1')).toEqual({ 'limits.cpu': '1', 'limits.memory': '1792MB' });
    expect(asked).toBe(3);
  });

  it.each([
    ['same', 'Ambiguous instance type provided: same'],
    ['gce:t2.micro', "Provided instance type doesn't exist: gce:t2.micro"],
    ['t9.none', "Provided instance type doesn't exist: t9.none"],
    ['aws:c1-m1', "Provided instance type doesn't exist: aws:c1-m1"],
    ['cx', 'Bad custom instance type: cx'],
  ])('%j is refused', async (type, words) => {
    await expect(new InstanceTypes(address).limits(type)).rejects.toThrow(words);
  });

  it('is refused where there is no catalogue', async () => {
    await expect(new InstanceTypes('http://127.0.0.1:1').limits('t2.micro')).rejects.toThrow("Provided instance type doesn't exist: t2.micro");
  });
});
