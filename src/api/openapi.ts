/** The OpenAPI document, from the same routes and schemas that serve the requests. */

import { z } from 'zod';
import { codes, type Code } from './problem-codes';
import { may, rolesWith } from './roles';
import type { Route } from './route';
import { allRoutes } from './routes';
import { problemSchema } from './schemas/answers';

type Json = Record<string, unknown>;

const PROBLEM = 'application/problem+json';

/** What any route under /v1 may answer. */
const COMMON: readonly Code[] = [
  'unauthorized',
  'rate-limited',
  'forbidden',
  'invalid-input',
  'internal',
  'store-unavailable',
  'overloaded',
];
const WITH_BODY: readonly Code[] = ['invalid-json', 'too-slow', 'too-large', 'unsupported-media-type'];

/** Schemas with an id stand once, under components. */
function schemasOf() {
  const shared: Record<string, Json> = {};

  function refer(schema: z.ZodType, io: 'input' | 'output'): Json {
    const {
      $schema: _,
      $defs = {},
      ...json
    } = z.toJSONSchema(schema, { io, unrepresentable: 'any' }) as Json & {
      $defs?: Record<string, Json>;
    };
    for (const [id, part] of Object.entries($defs)) shared[id] = moved(part);
    const id = z.globalRegistry.get(schema)?.id;
    if (id === undefined || '$ref' in json) return moved(json);
    shared[id] = moved(json);
    return { $ref: `#/components/schemas/${id}` };
  }

  return { shared, refer };
}

/** Where zod says `#/$defs/X`, OpenAPI says `#/components/schemas/X`; and an id of ours is no id in JSON Schema's sense. */
function moved(part: Json): Json {
  const text = JSON.stringify(part, (key, value: unknown) => {
    if (key === 'id' && typeof value === 'string') return undefined;
    if (key === '$ref' && typeof value === 'string') return value.replace('#/$defs/', '#/components/schemas/');
    return value;
  });
  return JSON.parse(text) as Json;
}

type Refer = ReturnType<typeof schemasOf>['refer'];

/** Express's `:id` is OpenAPI's `{id}`. */
const pathOf = (path: string): string => `/v1${path.replace(/:(\w+)/g, '{$1}')}`;

function parametersOf(route: Route, refer: Refer): Json[] {
  const inPath = [...route.path.matchAll(/:(\w+)/g)].map(([, name]) => ({
    name,
    in: 'path',
    required: true,
    schema: { type: 'string' },
  }));
  const { properties = {} } = refer(route.query, 'input') as { properties?: Record<string, Json> };
  const inQuery = Object.entries(properties).map(([name, { description, ...schema }]) => ({
    name,
    in: 'query',
    required: false,
    ...(description !== undefined && { description }),
    schema,
  }));
  const forAdmins =
    route.scope === 'installation' || !may('admin', route.needs)
      ? []
      : [
          {
            name: 'tenantId',
            in: 'query',
            required: false,
            description: `By admins only: the tenant it is about.${route.scope === 'one' ? ' They must name it.' : ''}`,
            schema: { type: 'string' },
          },
        ];
  const inHeaders = Object.entries(route.headers ?? {}).map(([name, { description, required }]) => ({
    name,
    in: 'header',
    required,
    description,
    schema: { type: 'string' },
  }));
  return [...inPath, ...inQuery, ...forAdmins, ...inHeaders];
}

function problemsOf(route: Route): Code[] {
  // An admin may name a tenant that is not there.
  const isAbout = route.path.includes(':') || route.scope !== 'installation';
  return [
    ...COMMON,
    ...(isAbout ? (['not-found'] as const) : []),
    ...(route.method === 'get' ? [] : WITH_BODY),
    ...(route.method === 'get' ? [] : (['too-busy'] as const)),
    ...(route.problems ?? []),
  ];
}

function responsesOf(route: Route, refer: Refer): Json {
  const responses: Record<string, Json> = {};
  for (const [status, { description, schema, type }] of Object.entries(route.answers)) {
    const content = schema && {
      'application/json': { schema: refer(schema, 'output') },
      ...(type !== undefined && { [type]: { schema: { type: 'string' } } }),
    };
    responses[status] = { description, ...(content && { content }) };
  }
  const found = problemsOf(route);
  for (const status of [...new Set(found.map((code) => codes[code].status))].sort()) {
    const here = found.filter((code) => codes[code].status === status);
    const known = responses[status] as { description: string; content: Json } | undefined;
    const told = here.map((code) => `\`${code}\``).join(', ');
    responses[status] = {
      description: known ? `${known.description} Or a problem: ${told}.` : `Problem: ${told}.`,
      content: { ...known?.content, [PROBLEM]: { schema: { $ref: '#/components/schemas/Problem' } } },
    };
  }
  return responses;
}

function operationOf(route: Route, refer: Refer): Json {
  const json = route.body && { content: { 'application/json': { schema: refer(route.body, 'input') } } };
  const body = route.consumes ? { content: { [route.consumes]: { schema: { type: 'string' } } } } : json;
  return {
    summary: route.summary,
    description: `Roles: ${rolesWith(route.needs).join(', ')}.`,
    tags: [route.path.split('/')[1] ?? ''],
    parameters: parametersOf(route, refer),
    ...(body && { requestBody: body }),
    responses: responsesOf(route, refer),
  };
}

const open = (summary: string, type: string, more: Json = {}): Json => ({
  get: {
    summary,
    security: [],
    tags: ['open'],
    responses: { 200: { description: 'OK.', content: { [type]: {} } }, ...more },
  },
});

/** Problems of addresses that are described by hand: for browsers on their way, as a page. */
function problemResponses(found: readonly Code[], isPage = false): Json {
  const content = {
    [PROBLEM]: { schema: { $ref: '#/components/schemas/Problem' } },
    ...(isPage && { 'text/html': {} }),
  };
  const statuses = [...new Set(found.map((code) => codes[code].status))].sort();
  return Object.fromEntries(
    statuses.map((status) => {
      const here = found.filter((code) => codes[code].status === status).map((code) => `\`${code}\``);
      return [status, { description: `Problem: ${here.join(', ')}.`, content }];
    }),
  );
}

const FAULTS: readonly Code[] = ['internal', 'store-unavailable'];
const FAULTS_OF_CARRIED: readonly Code[] = [...FAULTS, 'overloaded'];

/** Addresses without /v1 and without a key. */
const openPaths: Json = {
  '/healthz': open('The process runs', 'application/json'),
  '/readyz': open('The process may take requests', 'application/json', problemResponses(['not-ready'])),
  '/openapi.json': open('This document', 'application/json'),
  '/docs': open('This document, to read', 'text/html'),
  '/connect/{token}': {
    parameters: [{ name: 'token', in: 'path', required: true, schema: { type: 'string' } }],
    get: {
      summary: 'Shows a merchant who asks for which account; uses nothing up',
      security: [],
      tags: ['open'],
      responses: {
        200: { description: 'A page.', content: { 'text/html': {} } },
        ...problemResponses(['not-found', 'link-gone', ...FAULTS_OF_CARRIED], true),
      },
    },
    post: {
      summary: 'Goes on to UPS',
      security: [],
      tags: ['open'],
      responses: {
        303: { description: 'To UPS, with a cookie.' },
        ...problemResponses(['forbidden', 'not-found', 'link-gone', 'vault-key-missing', ...FAULTS_OF_CARRIED], true),
      },
    },
  },
  '/oauth/callback': {
    get: {
      summary: 'The way back from UPS',
      security: [],
      tags: ['open'],
      responses: {
        303: { description: 'To returnTo, with account, outcome and reason.' },
        ...problemResponses(['invalid-state', 'too-busy', ...FAULTS_OF_CARRIED], true),
      },
    },
  },
};

const forAdminsOnly = problemResponses(['unauthorized', 'forbidden', 'rate-limited', ...FAULTS]);

/** Addresses without /v1, for role admin. */
const adminPaths: Json = {
  '/metrics': {
    get: {
      summary: "Figures in Prometheus's text form",
      tags: ['admin'],
      responses: { 200: { description: 'OK.', content: { 'text/plain': {} } }, ...forAdminsOnly },
    },
  },
  '/admin/queues': {
    get: {
      summary: 'The queues, to look at',
      tags: ['admin'],
      responses: { 200: { description: 'A page.', content: { 'text/html': {} } }, ...forAdminsOnly },
    },
  },
};

const codeTable = (): string =>
  Object.entries(codes)
    .map(([code, { status, meaning }]) => `| \`${code}\` | ${status} | ${meaning} |`)
    .join('\n');

export function makeOpenApi(): Json {
  const { shared, refer } = schemasOf();
  refer(problemSchema, 'output');
  const paths: Record<string, Json> = {};
  for (const route of allRoutes) {
    const path = pathOf(route.path);
    paths[path] = { ...paths[path], [route.method]: operationOf(route, refer) };
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'upslink',
      version: '1',
      description: `Carries UPS accounts through their life.\n\nProblems, as application/problem+json:\n\n| code | status | meaning |\n| --- | --- | --- |\n${codeTable()}`,
    },
    servers: [{ url: '/' }],
    security: [{ apiKey: [] }],
    paths: { ...paths, ...openPaths, ...adminPaths },
    components: {
      securitySchemes: { apiKey: { type: 'http', scheme: 'bearer' } },
      schemas: Object.fromEntries(Object.entries(shared).sort(([a], [b]) => (a < b ? -1 : 1))),
    },
  };
}
