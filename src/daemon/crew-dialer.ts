import { endpointProblem, formatEndpoint, parseEndpoint, type Endpoint } from "../adapters/tls/endpoint.ts";
import { backoffMs } from "../reconciler/backoff.ts";
import type { Clock } from "../reconciler/types.ts";

/** Somebody to keep a link to. */
export interface DialTarget {
  /** Equal keys are one target. */
  readonly key: string;
  /** Best first. */
  readonly endpoints: readonly Endpoint[];
  /** Node id that must be there; absent: whoever proves the secret. */
  readonly expected?: string;
  /** Name of the Peer object it stands for, and the address written in it. */
  readonly peer?: string;
  readonly declared?: Endpoint;
}

export interface DialerOptions {
  readonly clock: Clock;
  readonly random: () => number;
  readonly signal: AbortSignal;
  /** Everybody a link is wanted to and missing, read anew each time. */
  readonly wanted: () => readonly DialTarget[];
  readonly isLinked: (node: string) => boolean;
  /** It is out of the network: nobody is to come to it, whoever tells of it. */
  readonly isBarred: (node: string) => boolean;
  readonly ownAddresses: () => ReadonlySet<string>;
  /** One try; true when it became a link. Never throws. */
  readonly dial: (endpoint: Endpoint, target: DialTarget) => Promise<boolean>;
}

const backoff = { initialMs: 500, maxMs: 30_000, jitter: 0.5 };
/** Tries at one time, so that a long list is no storm. */
const maxAtOnce = 8;
/** Between two tries at one target, however many hints come in. */
const leastGapMs = 1_000;
const maxHints = 256;
const maxEndpointsOfHint = 4;

interface Attempts {
  failures: number;
  lastMs: number;
  nextMs: number;
  running: boolean;
}

/** Dials whoever is wanted and not linked, with backoff and jitter, and everybody somebody hinted at. */
export class CrewDialer {
  readonly #options: DialerOptions;
  readonly #attempts = new Map<string, Attempts>();
  readonly #hints = new Map<string, readonly Endpoint[]>();
  #timer: NodeJS.Timeout | undefined;
  #isOpen = true;

  constructor(options: DialerOptions) {
    this.#options = options;
  }

  /** `endpoints` came from others: what no peer can be at is passed over, the rest is tried soon. */
  hint(node: string, endpoints: readonly Endpoint[]): void {
    if (this.#isSettled(node)) return;
    const own = this.#options.ownAddresses();
    const sound = endpoints.filter((endpoint) => endpointProblem(endpoint, own) === undefined);
    if (sound.length === 0) return;
    const before = this.#hints.get(node) ?? [];
    const merged = [...new Map([...sound, ...before].map((each) => [formatEndpoint(each), each])).values()];
    this.#hints.delete(node);
    this.#hints.set(node, merged.slice(0, maxEndpointsOfHint));
    if (this.#hints.size > maxHints) {
      const [oldest] = this.#hints.keys();
      if (oldest !== undefined) this.#hints.delete(oldest);
    }
    this.retry(`node/${node}`);
  }

  /** Something has changed: the next try need not wait out its backoff. */
  retry(key: string): void {
    const attempts = this.#attempts.get(key);
    if (attempts !== undefined) attempts.nextMs = Math.min(attempts.nextMs, attempts.lastMs + leastGapMs);
    this.poke();
  }

  /** A link was made: the next loss starts over. */
  succeeded(keys: readonly string[]): void {
    for (const key of keys) this.#attempts.delete(key);
  }

  forget(node: string): void {
    this.#hints.delete(node);
    this.#attempts.delete(`node/${node}`);
  }

  /** Starts every try that is due and comes back for the next. */
  poke(): void {
    clearTimeout(this.#timer);
    if (this.#options.signal.aborted || !this.#isOpen) return;
    const targets = this.#targets();
    const keys = new Set(targets.map(({ key }) => key));
    for (const [key, { running }] of this.#attempts) if (!running && !keys.has(key)) this.#attempts.delete(key);
    const now = this.#options.clock.monotonicMs();
    for (const target of targets) this.#try(target, now);
    const dues = targets.flatMap(({ key }) => {
      const attempts = this.#attempts.get(key);
      return attempts === undefined || attempts.running ? [] : [attempts.nextMs];
    });
    if (dues.length === 0) return;
    const delay = Math.max(100, Math.min(...dues) - now);
    this.#timer = setTimeout(() => this.poke(), delay).unref();
  }

  stop(): void {
    this.#isOpen = false;
    clearTimeout(this.#timer);
  }

  /** Those wanted, with what hints add; and those only hints know. */
  #targets(): readonly DialTarget[] {
    const wanted = this.#options.wanted();
    const named = new Set(wanted.flatMap(({ expected }) => expected ?? []));
    const hinted = [...this.#hints]
      .filter(([node]) => !named.has(node))
      .map(([node, endpoints]) => ({ key: `node/${node}`, endpoints, expected: node }));
    const all = [...wanted.map((target) => this.#withHints(target)), ...hinted];
    return all.filter(({ expected }) => expected === undefined || !this.#isSettled(expected));
  }

  #isSettled(node: string): boolean {
    return this.#options.isLinked(node) || this.#options.isBarred(node);
  }

  #withHints(target: DialTarget): DialTarget {
    const hints = target.expected === undefined ? [] : (this.#hints.get(target.expected) ?? []);
    return hints.length === 0 ? target : { ...target, endpoints: [...hints, ...target.endpoints] };
  }

  #try(target: DialTarget, now: number): void {
    const attempts = this.#attempts.get(target.key) ?? {
      failures: 0,
      lastMs: -leastGapMs,
      nextMs: now,
      running: false,
    };
    this.#attempts.set(target.key, attempts);
    const running = [...this.#attempts.values()].filter((each) => each.running).length;
    if (attempts.running || attempts.nextMs > now || running >= maxAtOnce || target.endpoints.length === 0) return;
    const endpoint = target.endpoints[attempts.failures % target.endpoints.length];
    if (endpoint === undefined) return;
    attempts.running = true;
    attempts.lastMs = now;
    void this.#options.dial(endpoint, target).then((linked) => {
      attempts.running = false;
      attempts.failures = linked ? 0 : attempts.failures + 1;
      const wait = linked ? backoff.maxMs : backoffMs(attempts.failures, this.#options.random(), backoff);
      attempts.nextMs = this.#options.clock.monotonicMs() + wait;
      this.poke();
    });
  }
}

/** Texts that name no endpoint are left out. */
export function parseEndpoints(texts: readonly string[], defaultPort: number): readonly Endpoint[] {
  return texts.flatMap((text) => parseEndpoint(text, defaultPort) ?? []);
}
