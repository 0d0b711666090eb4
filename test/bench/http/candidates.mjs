const article = id => `/articles/${id}`;

/**
 * Who is measured, each in a process of its own: `app` is what that process runs, `path` where it
 * answers. Those that are not `cached` answer what never changes, or make each answer anew.
 */
export const CANDIDATES = [
  { name: 'bare: object', app: 'bare', path: article },
  { name: 'bare: text', app: 'bare', path: id => `${article(id)}/text` },
  { name: 'bare: 304', app: 'bare', path: id => `${article(id)}/etag` },
  {
    name: 'interceptor: text',
    app: 'bare',
    path: id => `${article(id)}/intercepted-text`,
  },
  {
    name: 'interceptor: 304',
    app: 'bare',
    path: id => `${article(id)}/intercepted-etag`,
  },
  { name: 'uncached', app: 'uncached', path: article },
  ...[
    'cache-manager-redis',
    'cache-manager-memory',
    'bentocache',
    'strict',
    'near',
    'memory',
    'recorded',
    'recorded-near',
  ].map(name => ({ name, app: name, path: article, cached: true })),
];

const OURS = ['strict', 'near', 'memory'];
const CACHED = CANDIDATES.filter(({ cached }) => cached).map(
  ({ name }) => name,
);

/**
 * What they are asked. `bases`: whom the others are compared with; `goals`: the ratios aimed at, by
 * candidate.
 */
export const SCENARIOS = [
  {
    name: 'hits',
    title: 'Hits: the same article again and again',
    candidates: [
      'bare: object',
      'bare: text',
      'interceptor: text',
      'uncached',
      ...CACHED,
    ],
    bases: ['bare: object', 'bare: text', 'cache-manager-redis'],
    goals: ({ framework, body }) =>
      body === 'small'
        ? {
            ...(framework === 'fastify' && {
              strict: { 'cache-manager-redis': 1.5 },
            }),
            near: { 'bare: object': 0.9, 'cache-manager-redis': 1.5 },
          }
        : {
            strict: { 'cache-manager-redis': 10 },
            near: { 'bare: object': 3, 'bare: text': 0.9 },
          },
  },
  {
    name: '304',
    title: '304s: by a client that has the answer',
    candidates: ['bare: object', 'bare: 304', 'interceptor: 304', ...CACHED],
    bases: ['bare: 304'],
    goals: () =>
      Object.fromEntries(OURS.map(name => [name, { 'bare: 304': 0.9 }])),
    isConditional: true,
  },
  {
    name: 'mix',
    title:
      'A mix: one write to 99 reads of one article; stale answers do not count',
    candidates: ['uncached', ...CACHED],
    bases: ['uncached', 'cache-manager-redis'],
    goals: () => ({}),
    writes: true,
  },
  {
    name: 'cold',
    title:
      'A cold start: 500 requests at once for one article that nobody has asked for',
    candidates: ['uncached', ...CACHED],
    bases: ['uncached', 'cache-manager-redis'],
    goals: () => ({}),
    burst: 500,
  },
];
