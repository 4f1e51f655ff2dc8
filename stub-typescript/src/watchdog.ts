/** The longest timer that the runtime has. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/**
 * The timers of one session: for the opening of the stub, for the end of its connection, and for the deadlines of
 * its calls. It decides nothing.
 */
export class Watchdog {
  #opening: NodeJS.Timeout | undefined;
  #ending: NodeJS.Timeout | undefined;
  #look: NodeJS.Timeout | undefined;
  #lookAt = Infinity;

  expectOpening(withinMs: number, late: () => void): void {
    this.#opening = setTimeout(late, withinMs);
  }

  opened(): void {
    clearTimeout(this.#opening);
  }

  /** Begins to wait for the end, unless it does so already. */
  expectEnd(withinMs: number, late: () => void): void {
    this.#ending ??= setTimeout(late, withinMs);
  }

  /** Nobody waits for the end any more, so neither does the process; but it is still brought about. */
  endAlone(): void {
    this.#ending?.unref();
  }

  /** Has someone look for overdue answers at this time, or before; on the clock of `performance.now()`. */
  lookBy(time: number, look: () => void): void {
    if (time >= this.#lookAt) {
      return;
    }
    clearTimeout(this.#look);
    this.#lookAt = time;
    const wait = Math.min(Math.max(0, Math.ceil(time - performance.now())), MAX_TIMER_MS);
    this.#look = setTimeout(look, wait);
  }

  /** Someone looks now, or need not look. */
  looks(): void {
    clearTimeout(this.#look);
    this.#lookAt = Infinity;
  }

  /** The end of the stub: only the end of the connection is still waited for. */
  stop(): void {
    clearTimeout(this.#opening);
    this.looks();
  }

  /** The end of the connection. */
  stopAll(): void {
    this.stop();
    clearTimeout(this.#ending);
  }
}
