import { describe, expect, it } from 'vitest';
import { createInstanceBody, createProfileBody, execBody, updateProfileBody } from './bodies/index.js';
import { parseJson } from './json-syntax.js';

const profile = (json: string) => createProfileBody.read(parseJson(json));

describe('a request body', () => {
  it('ignores unknown fields, nulls, the case of names and what follows the value', () => {
    expect(profile('{"NAME":"p","what":1,"config":null,"devices":{"r":{"type":"disk"}}} trailing')).toEqual({
      name: 'p',
      description: '',
      config: {},
      devices: { r: { type: 'disk' } },
    });
    expect(profile('null').name).toBe('');
  });

  it('tells an absent field from an empty one where PATCH must', () => {
    expect(updateProfileBody.read({}).description).toBeUndefined();
    expect(updateProfileBody.read({ description: '' }).description).toBe('');
  });

  // Every message as the reference server gave it for the same body.
  it.each([
    ['', 'EOF'],
    ['x', "invalid character 'x' looking for beginning of value"],
    ['{"name":"x",}', "invalid character '}' looking for beginning of object key string"],
    ["{'a':1}", "invalid character '\\'' looking for beginning of object key string"],
    ['{"name":"x', 'unexpected EOF'],
    ['notanimage', "invalid character 'o' in literal null (expecting 'u')"],
    ['[]', 'json: cannot unmarshal array into Go value of type api.ProfilesPost'],
    ['"s"', 'json: cannot unmarshal string into Go value of type api.ProfilesPost'],
    ['12', 'json: cannot unmarshal number into Go value of type api.ProfilesPost'],
    ['{"name":3}', 'json: cannot unmarshal number into Go struct field ProfilesPost.name of type string'],
    ['{"config":[]}', 'json: cannot unmarshal array into Go struct field ProfilesPost.config of type map[string]string'],
    ['{"config":{"a":1}}', 'json: cannot unmarshal number into Go struct field ProfilesPost.config of type string'],
    ['{"devices":{"a":{"b":true}}}', 'json: cannot unmarshal bool into Go struct field ProfilesPost.devices of type string'],
    ['{"devices":{"a":"b"}}', 'json: cannot unmarshal string into Go struct field ProfilesPost.devices of type map[string]string'],
  ])('%s is refused as Go does', (json, message) => {
    expect(() => profile(json)).toThrow(message);
  });

  it('names the innermost struct with the whole path', () => {
    expect(() => createInstanceBody.read({ source: 'x' })).toThrow('json: cannot unmarshal string into Go struct field InstancesPost.source of type api.InstanceSource');
    expect(() => createInstanceBody.read({ source: { type: 5 } })).toThrow('json: cannot unmarshal number into Go struct field InstanceSource.source.type of type string');
    expect(() => execBody.read({ user: -1 })).toThrow('json: cannot unmarshal number -1 into Go struct field InstanceExecPost.user of type uint32');
    expect(() => execBody.read({ command: 'sh' })).toThrow('json: cannot unmarshal string into Go struct field InstanceExecPost.command of type []string');
  });
});
