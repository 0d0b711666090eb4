// The process that asks: does what each message says, answers by one.
import { performance } from 'node:perf_hooks';
import { Client } from 'undici';

/** Every so many requests of a mix is a write. */
const READS_PER_WRITE = 99;

const ORDERS = { ask, connect, disconnect, load, burst };
let clients = [];

process.on('message', async ({ order, ...given }) => {
  try {
    process.send({ result: await ORDERS[order](given) });
  } catch (error) {
    process.send({ error: `${order}: ${error.stack}` });
  }
});
process.on('disconnect', () => process.exit());

async function ask({ origin, path, headers }) {
  const client = new Client(origin);
  try {
    return await answer(client, { path, headers, keeps: true });
  } finally {
    await client.close();
  }
}

/** Opens connections; each asks once, so that none is opened while time is taken. */
async function connect({ origin, path, headers, status, connections }) {
  clients = Array.from({ length: connections }, () => new Client(origin));
  await Promise.all(
    clients.map(client => answer(client, { path, headers, status })),
  );
}

async function disconnect() {
  await Promise.all(clients.splice(0).map(client => client.close()));
}

/**
 * Each connection asks again as soon as it is answered, for so long or for so many `answers`. `version` is of the article as it stands; with
 * `writes` it is made larger now and then, and answers count that are no older than the
 * last write which had been acknowledged when they were asked for.
 */
async function load({
  path,
  headers,
  status,
  writes,
  version,
  durationMs,
  answers = Infinity,
}) {
  const latencies = [];
  let stale = 0;
  let asked = 0;
  let acknowledged = version;
  let isWriting = false;
  const start = performance.now();
  const repeat = async client => {
    for (;;) {
      const sentAt = performance.now();
      if (sentAt - start >= durationMs || latencies.length >= answers) return;
      asked += 1;
      if (writes && !isWriting && asked > READS_PER_WRITE) {
        asked = 0;
        isWriting = true;
        const next = acknowledged + 1;
        const to = `${path}/versions/${next}`;
        await answer(client, { path: to, method: 'POST', status: 201 });
        acknowledged = next;
        isWriting = false;
        continue;
      }
      const due = acknowledged;
      const { head } = await answer(client, { path, headers, status });
      latencies.push(performance.now() - sentAt);
      if (writes && versionIn(head) < due) stale += 1;
    }
  };
  await Promise.all(clients.map(repeat));
  const passedMs = performance.now() - start;
  return { passedMs, latencies, stale, version: acknowledged };
}

/** All connections ask once, at the same time. */
async function burst({ path }) {
  const start = performance.now();
  const latencies = await Promise.all(
    clients.map(async client => {
      await answer(client, { path });
      return performance.now() - start;
    }),
  );
  return { passedMs: performance.now() - start, latencies, stale: 0 };
}

function versionIn(head) {
  return Number(/"version":(\d+)/.exec(head.latin1Slice(0, 60))?.[1]);
}

/** Without promises and streams in between: who measures must cost less than what is measured. */
function answer(client, options) {
  const { path, method = 'GET', headers, status = 200, keeps } = options;
  return new Promise((resolve, reject) => {
    let got;
    let head;
    const chunks = [];
    client.dispatch(
      { path, method, headers },
      {
        onRequestStart() {},
        onResponseStart(_controller, statusCode, gotHeaders) {
          got = { status: statusCode, headers: gotHeaders };
        },
        onResponseData(_controller, chunk) {
          head ??= chunk;
          if (keeps) chunks.push(chunk);
        },
        onResponseEnd() {
          if (keeps) {
            resolve({ ...got, text: Buffer.concat(chunks).toString() });
          } else if (got.status === status) resolve({ head });
          else {
            reject(
              new Error(`${method} ${path} was answered with ${got.status}.`),
            );
          }
        },
        onResponseError: (_controller, error) => reject(error),
      },
    );
  });
}
