// Loaded before everything else of a process whose clock is wrong: by CLOCK_OFFSET_MS, for all of
// JavaScript in it.
const offsetMs = Number(process.env['CLOCK_OFFSET_MS'] ?? 0);
const now = Date.now.bind(Date);

globalThis.Date = new Proxy(Date, {
  construct: (target, args, newTarget) =>
    Reflect.construct(
      target,
      args.length === 0 ? [now() + offsetMs] : args,
      newTarget,
    ),
  get: (target, key, receiver) =>
    key === 'now' ? () => now() + offsetMs : Reflect.get(target, key, receiver),
});
