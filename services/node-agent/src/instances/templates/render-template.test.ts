import { describe, expect, it } from 'vitest';
import { renderTemplate } from './render-template.js';

const context = {
  container: { name: 'c1' },
  config: { 'user.note': 'hi', 'user.empty': '' },
  properties: { 'default.os': 'busy' },
  trigger: 'create',
};
const render = (text: string): string => renderTemplate(text, context);

describe('image templates', () => {
  it('name what the context has, and nothing else', () => {
    expect(render('{{ container.name }}\n')).toBe('c1\n');
    expect(render('[{{ container.secret }}{{ nothing.at.all }}{{ container.constructor }}{{ __proto__ }}]')).toBe('[]');
    expect(render('{{ properties.default.os }}')).toBe('busy');
  });
  it('read config with a default', () => {
    expect(render('{{ config_get("user.note", "none") }} {{ config_get("user.other", "none") }}')).toBe('hi none');
  });
  it('take branches', () => {
    const text = '{% if trigger == "copy" %}copy{% elif trigger == "create" and container.name %}new{% else %}other{% endif %}';
    expect(render(text)).toBe('new');
    expect(render('{% if not container.none %}a{% if config_get("user.empty", "") %}b{% endif %}{% endif %}')).toBe('a');
  });
  it('filter', () => {
    expect(render('{{ container.name|upper }}{{ container.none|default:"x|y" }}')).toBe('C1x|y');
  });
  it('have no comments left', () => {
    expect(render('a{# hidden #}b')).toBe('ab');
  });
  it.each(['{% include "/etc/shadow" %}', '{% for a in b %}{% endfor %}', '{{ a|unknown }}', '{% if a %}', '{% endif %}', '{{ a() }}'])('refuse %s', (text) => {
    expect(() => render(text)).toThrow(/^Template/);
  });
});
