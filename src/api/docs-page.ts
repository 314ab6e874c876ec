/** /docs: the routes and the problems to read, without a script. */

import { cardPageOf } from '../web/page';
import { html, type Html } from '../web/html';
import { codes } from './problem-codes';
import { rolesWith } from './roles';
import type { Route } from './route';
import { allRoutes } from './routes';

const answersOf = ({ answers }: Route): Html[] =>
  Object.entries(answers).map(([status, { description }]) => html`<li><strong>${status}</strong> ${description}</li>`);

const routeOf = (route: Route): Html =>
  html` <h3><code>${route.method.toUpperCase()} /v1${route.path}</code></h3>
    <p>${route.summary}. <span class="hint">${rolesWith(route.needs).join(', ')}</span></p>
    <ul>
      ${answersOf(route)}
    </ul>`;

const codeOf = ([code, { status, title, meaning }]: [string, { status: number; title: string; meaning: string }]) =>
  html` <dt id="${code}"><code>${code}</code> ${status} ${title}</dt>
    <dd>${meaning}</dd>`;

export const docsPage = (): string =>
  cardPageOf(
    'The API',
    html`<p>The whole contract, with every field, is the OpenAPI document: <a href="/openapi.json">openapi.json</a>.</p>
      <p>Send <code>Authorization: Bearer &lt;api key&gt;</code> with every request under /v1.</p>
      <h2>Routes</h2>
      ${allRoutes.map(routeOf)}
      <h2>Problems</h2>
      <dl>${Object.entries(codes).map(codeOf)}</dl>`,
    { isWide: true },
  );

/** docs/problems.md, from the same table. */
export function problemsMarkdown(): string {
  const rows = Object.entries(codes).map(
    ([code, { status, title, meaning }]) => `| \`${code}\` | ${status} | ${title} | ${meaning} |`,
  );
  return `# Problems

Every refusal is \`application/problem+json\` (RFC 9457): \`type\`, \`title\`, \`status\`, \`code\`, \`detail\`, \`requestId\`, and where they help
\`field\` (a dotted path, or the name of a parameter or header) and \`way_out\`. Build on \`code\`; sentences may change.
503 and 429 carry \`Retry-After\`. Checks come in this order: key, role, tenant, input, state.

An event's verdict is no problem: \`illegal\`, and DEACTIVATE while in use, are 409 with a verdict as \`application/json\`.

<!-- generated from src/api/problem-codes.ts by \`npm run generate\` -->

| code | status | title | meaning and way out |
| --- | --- | --- | --- |
${rows.join('\n')}
`;
}
