// Walks through the running atlas (npm start) and shows what each answer cost.
const url = `http://localhost:${process.env.PORT ?? 3000}`;
const PARIS = 2988507;
const CAIRO = 360630;
const TOKYO = 1850147;
const COMPARED = `/compare?cities=${CAIRO},${TOKYO}`;

async function send(method, path, body) {
  const startedAt = performance.now();
  const request = { method };
  if (body) {
    request.headers = { 'content-type': 'application/json' };
    request.body = JSON.stringify(body);
  }
  const response = await fetch(url + path, request);
  const text = await response.text();
  const ms = (performance.now() - startedAt).toFixed(1);
  if (!response.ok) throw new Error(`${method} ${path} answered ${text}`);

  const cacheStatus = response.headers.get('cache-status') ?? '-';
  const step = `${method} ${path}`;
  console.log(`${step.padEnd(36)}${ms.padStart(9)} ms   ${cacheStatus}`);
  return text;
}

function say(what) {
  console.log(`\n${what}`);
}

async function demo() {
  say('Ask twice: the first answer is computed unless someone asked before');
  await send('GET', '/stats');
  await send('GET', '/stats');
  await send('GET', `/cities/${PARIS}`);
  await send('GET', `/cities/${PARIS}`);
  await send('GET', `/cities/${CAIRO}`);
  await send('GET', `/cities/${CAIRO}`);
  await send('GET', '/countries');
  await send('GET', '/countries');
  await send('GET', COMPARED);
  await send('GET', COMPARED);

  say('Write: a review of Paris');
  const created = await send('POST', `/cities/${PARIS}/reviews`, {
    author: 'Ada',
    rating: 5,
    text: 'Go in spring',
  });
  const review = JSON.parse(created);

  say('What showed Paris or counted reviews is computed anew, once');
  await send('GET', `/cities/${PARIS}`);
  await send('GET', `/cities/${PARIS}`);
  await send('GET', '/stats');
  await send('GET', '/stats');

  say('What did not is still a hit');
  await send('GET', `/cities/${CAIRO}`);
  await send('GET', '/countries');
  await send('GET', COMPARED);

  say('Take the review away again');
  await send('DELETE', `/reviews/${review.id}`);
  await send('GET', `/cities/${PARIS}`);
  await send('GET', `/cities/${PARIS}`);
}

try {
  await demo();
} catch (error) {
  const refused = error.cause?.code === 'ECONNREFUSED';
  console.error(
    refused
      ? `No atlas answers at ${url}. Start it in another shell: npm start (with the same PORT)`
      : error.message,
  );
  process.exitCode = 1;
}
