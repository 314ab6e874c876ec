import { html, pathOf } from '../../src/web/html';

it('escapes whatever is put into a page', () => {
  const name = `<script>alert('x')</script>&"`;
  expect(html`<a title="${name}"></a>`.markup).toBe(
    '<a title="&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;&amp;&quot;"></a>',
  );
  expect(html`<b>${name}</b>`.markup).toBe('<b>&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;&amp;&quot;</b>');
});

it('leaves empty parameters out of an address, and encodes the others', () => {
  expect(pathOf('/', { tenantId: null, text: 'a&b', state: '' })).toBe('/?text=a%26b');
});
