// The longest tasks of a page's main thread, phase by phase, by the processor's time as well as by the clock: on a machine
// that others share a task of ten milliseconds may end after two hundred.
import type { Page } from 'playwright-core';

export interface LongestTasks {
  /** Milliseconds from a task's begin to its end, at most. */
  readonly wall: number;
  /** Milliseconds that the processor spent on one, at most. */
  readonly cpu: number;
  /** What that one was mostly busy with, for who looks for the reason: names of the browser's own, with milliseconds. */
  readonly what: string;
}

export interface PhaseTasks extends LongestTasks {
  readonly phase: string;
}

export interface TaskWatch {
  /** What comes from now on is called so. */
  phase(name: string): Promise<void>;
  /** Ends the watch, if it has not ended. @returns phases in their order; one that came again counts as one */
  end(): Promise<readonly PhaseTasks[]>;
}

interface TraceEvent {
  readonly name: string;
  readonly pid: number;
  readonly tid: number;
  /** Microseconds. */
  readonly ts: number;
  readonly dur?: number;
  readonly tdur?: number;
  readonly args?: { readonly data?: { readonly type?: string; readonly functionName?: string } };
}

/** Seconds of a trace: a longer one would not fit the browser's buffer. Between two of them some tasks are not seen. */
const slice = 15;
/** Marks in the trace: a phase begins; and this thread is the page's. */
const mark = 'faprompt-phase ';
const here = 'faprompt-main-thread';

/** The longest of all phases. */
export const longest = (
  phases: readonly PhaseTasks[],
): { readonly wall: PhaseTasks; readonly cpu: PhaseTasks } => {
  const by = (key: 'wall' | 'cpu') => phases.reduce((most, one) => (one[key] > most[key] ? one : most));
  return { wall: by('wall'), cpu: by('cpu') };
};

/** One line for each phase. */
export const taskLines = (phases: readonly PhaseTasks[]): string[] =>
  phases.map(
    ({ phase, cpu, wall, what }) =>
      `${phase}: ${cpu.toFixed(1)} ms of the processor, ${wall.toFixed(1)} by the clock (${what})`,
  );

/** Watches from now on. @param first name of the phase that begins now */
export async function watchTasks(page: Page, first = 'page'): Promise<TaskWatch> {
  const session = await page.context().browser()!.newBrowserCDPSession();
  const found = new Map<string, LongestTasks>();
  let phase = first;
  let phaseAtBegin = first;
  let events: TraceEvent[] = [];
  session.on('Tracing.dataCollected', ({ value }) => {
    events.push(...(value as unknown as TraceEvent[]));
  });
  const say = (name: string) => page.evaluate((text) => void performance.mark(text), name).catch(() => {}); // on its way to elsewhere
  const begin = async () => {
    phaseAtBegin = phase;
    await session.send('Tracing.start', {
      transferMode: 'ReportEvents',
      traceConfig: {
        includedCategories: ['toplevel', 'blink.user_timing', 'devtools.timeline', 'v8'],
        excludedCategories: ['*'],
      },
    });
    await say(here);
  };
  const end = async () => {
    const complete = new Promise<void>((resolve) => session.once('Tracing.tracingComplete', () => resolve()));
    await session.send('Tracing.end');
    await complete;
    for (const [name, tasks] of longestTasks(events, phaseAtBegin)) {
      const known = found.get(name) ?? { wall: 0, cpu: 0, what: '' };
      const { cpu, what } = tasks.cpu > known.cpu ? tasks : known;
      found.set(name, { wall: Math.max(known.wall, tasks.wall), cpu, what });
    }
    events = [];
  };
  // Elsewhere it may be another process.
  await page.addInitScript((name) => void performance.mark(name), here);
  let turning = begin();
  let timer: ReturnType<typeof setTimeout>;
  let began = 0;
  const wait = () => {
    began = performance.now();
    timer = setTimeout(() => void turn(), 1000 * slice);
  };
  /** From one trace to the next. */
  const turn = (): Promise<void> => {
    clearTimeout(timer);
    turning = turning.then(end).then(begin).then(wait);
    return turning;
  };
  const finish = async () => {
    clearTimeout(timer);
    await turning;
    clearTimeout(timer);
    await end();
    await session.detach();
    return [...found].map(([name, tasks]) => ({ phase: name, ...tasks }));
  };
  let ended: Promise<readonly PhaseTasks[]> | undefined;
  await turning;
  wait();
  return {
    async phase(name) {
      await turning;
      // Between two phases rather than in the middle of one.
      if (performance.now() - began > 500 * slice) await turn();
      phase = name;
      await say(`${mark}${name}`);
    },
    end() {
      ended ??= finish();
      return ended;
    },
  };
}

/** Of each phase in a trace. @param first phase at its begin */
function longestTasks(events: readonly TraceEvent[], first: string): Map<string, LongestTasks> {
  const found = new Map<string, LongestTasks>();
  const threads = new Set(events.flatMap((event) => (event.name === here ? [threadOf(event)] : [])));
  const own = events
    .filter((event) => threads.has(threadOf(event)) || event.name.startsWith(mark))
    .sort((a, b) => a.ts - b.ts);
  let phase = first;
  for (const event of own) {
    const { name, dur = 0, tdur = 0 } = event;
    if (name.startsWith(mark)) phase = name.slice(mark.length);
    if (!/RunTask$/.test(name)) continue;
    const known = found.get(phase) ?? { wall: 0, cpu: 0, what: '' };
    const longer = tdur / 1000 > known.cpu;
    found.set(phase, {
      wall: Math.max(known.wall, dur / 1000),
      cpu: longer ? tdur / 1000 : known.cpu,
      what: longer ? contents(event, own) : known.what,
    });
  }
  return found;
}

const threadOf = ({ pid, tid }: TraceEvent): string => `${pid} ${tid}`;

/** The longest parts of a task, those that contain others among them. */
function contents(task: TraceEvent, events: readonly TraceEvent[]): string {
  const end = task.ts + (task.dur ?? 0);
  const sums = new Map<string, number>();
  for (const event of events) {
    const { name, ts, dur = 0, tdur = 0, args } = event;
    if (
      threadOf(event) !== threadOf(task) ||
      ts < task.ts ||
      ts + dur > end ||
      tdur < 1000 ||
      /RunTask$|^ThreadControllerImpl/.test(name)
    )
      continue;
    const called = [name, args?.data?.type ?? args?.data?.functionName].filter(Boolean).join(' ');
    sums.set(called, (sums.get(called) ?? 0) + tdur / 1000);
  }
  const parts = [...sums].sort(([, a], [, b]) => b - a).slice(0, 4);
  return parts.map(([name, sum]) => `${name} ${sum.toFixed(0)}`).join(', ') || 'nothing named';
}
