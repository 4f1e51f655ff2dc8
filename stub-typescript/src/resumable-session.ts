import { randomBytes } from "node:crypto";
import { Code, ConnectError } from "@connectrpc/connect";
import { Attachment } from "./attachment.js";
import type { Client } from "./client.js";
import { isRefusal } from "./connection.js";
import { clientCause, Fate, lostCause, Reasons, type FailureCause } from "./failure.js";
import { openBytes } from "./frames.js";
import type { Open, Opened } from "./gen/seriatim/v1/durable_objects_pb.js";
import type { Step } from "./ledger.js";
import { ResumableLedger, type Loss } from "./resumable-ledger.js";
import { Resumption } from "./resumption.js";
import type { StubRoute } from "./routes.js";
import { Session } from "./session.js";

const GOES_ON = new ConnectError("the stub goes on without this call", Code.Canceled);

const ID_BYTES = 16;

/** What the session adds to `open`, at most. */
const SESSION_BYTES = 64;

/**
 * A session that outlives its connections. The ledger says what is sent on each, the {@link Resumption} when the next one
 * begins; this has the timers for that.
 *
 * A connection that is lost while no call is unanswered isn't missed before the next call.
 */
export class ResumableSession extends Session<ResumableLedger> {
  /** Made when a connection is lost for the first time. */
  #madeResumption: Resumption | undefined;
  #attachment: Attachment | undefined;
  /** Until the next connection begins, and until the stub gives up. */
  #pause: NodeJS.Timeout | undefined;
  #patience: NodeJS.Timeout | undefined;
  #pauseMs = 0;
  #lastLoss: FailureCause | undefined;
  /** How many calls were answered when a connection was given up since its host said nothing. */
  #suspectedAt = -1;

  /** As that of {@link Session}. */
  static override of(
    client: Client,
    open: Open,
    expectedId: string | undefined,
    route: StubRoute | undefined,
  ): ResumableSession {
    const bytes = openBytes(open) + SESSION_BYTES;
    const id = randomBytes(ID_BYTES).toString("latin1");
    return new ResumableSession(
      client,
      open,
      new ResumableLedger(client.options, open, bytes, expectedId, id),
      route,
    );
  }

  get #resumption(): Resumption {
    return (this.#madeResumption ??= new Resumption(this.client.options));
  }

  /** Whether it does so. Not, if the host knows nothing of that. */
  get isResumable(): boolean {
    return this.ledger.isResumable;
  }

  protected override get isBegun(): boolean {
    return this.ledger.connection > 0;
  }

  protected override step(room: number): Step {
    return this.ledger.next(room, performance.now());
  }

  // ---- connections -----------------------------------------------------------------------------------

  protected override begin(): void {
    if (!this.isBegun) {
      this.#connect();
    } else if (this.#pause === undefined) {
      this.#resume();
    }
  }

  #connect(): void {
    this.#pause = undefined;
    this.client.withoutConnection.delete(this);
    this.releaseProcess();
    this.ledger.attach();
    this.#attachment = new Attachment(this, (carried) => this.attach(carried));
    this.link = this.#attachment;
    this.holdProcess();
    this.link.kick();
  }

  /** Begins the next connection after a pause, and gives up if none is opened in time. */
  #resume(): void {
    const now = performance.now();
    const until = this.#resumption.needed(now, this.ledger.resumableUntil);
    if (until <= now) {
      this.#giveUp();
      return;
    }
    this.#patience ??= setTimeout(() => {
      this.#giveUp();
    }, until - now);
    this.#pause = setTimeout(() => {
      this.#connect();
    }, this.#pauseMs);
  }

  #giveUp(): void {
    const attachment = this.#letGo();
    const loss = this.#lastLoss ?? lostCause(undefined);
    this.end(this.#resumption.tooLate(loss, performance.now()), Fate.UNKNOWN);
    attachment?.hangUp(GOES_ON);
  }

  protected override opened(opened: Opened): void {
    super.opened(opened);
    this.#madeResumption?.opened();
    clearTimeout(this.#patience);
    this.#patience = undefined;
    if (this.ledger.connection > 1) {
      this.#resumption.resumed();
      this.link?.kick();
    }
  }

  /** Takes the connection from the stub, if it has one. */
  #letGo(): Attachment | undefined {
    const attachment = this.#attachment;
    attachment?.letGo();
    this.link = undefined;
    this.#attachment = undefined;
    return attachment;
  }

  // ---- what becomes of them --------------------------------------------------------------------------

  override connectionEnded(error: ConnectError | undefined): void {
    if (!this.isResumable || this.ledger.isOver) {
      super.connectionEnded(error);
      return;
    }
    this.#letGo();
    const cause = lostCause(error);
    const isFinal = !this.ledger.isOpened && sameAgain(cause);
    this.#lost(cause, isRefusal(error) && !this.ledger.isOpened ? "neverCame" : "inDoubt", isFinal);
  }

  protected override told(cause: FailureCause): void {
    const loss = this.ledger.lossBy(cause);
    if (loss === undefined) {
      this.breakAsTold(cause, this.ledger.fateOfSent);
      return;
    }
    if (!this.ledger.isOpened && loss === "inDoubt" && this.ledger.connection > 1) {
      this.#resumption.resumed();
    }
    const attachment = this.#letGo();
    this.#lost(cause, loss);
    attachment?.letEnd(this.client.options.endTimeoutMs);
  }

  protected override openingOverdue(cause: FailureCause): void {
    const attachment = this.#letGo();
    this.#lost(cause, "inDoubt");
    attachment?.hangUp(GOES_ON);
  }

  /** The connection is suspect. But a host that is merely slow would say nothing on the next one either. */
  protected override isSilent(): void {
    const isSuspect = this.#suspectedAt < this.ledger.answered;
    if (isSuspect && this.isResumable && this.link !== undefined && !this.ledger.isOver) {
      this.#suspectedAt = this.ledger.answered;
      const message = "the host has said nothing of a call whose deadline passed";
      const attachment = this.#letGo();
      this.#lost(
        clientCause(Reasons.CONNECTION_LOST, Code.Unavailable, message, { retryable: true }),
        "inDoubt",
      );
      attachment?.hangUp(GOES_ON);
    }
  }

  /** The stub has no connection any more, and goes on, unless it is final. */
  #lost(cause: FailureCause, loss: Loss, isFinal = false): void {
    this.watchdog.opened();
    this.releaseProcess();
    this.route?.broke(cause);
    this.route?.ended();
    this.ledger.detach(loss);
    this.#lastLoss = cause;
    if (this.ledger.finish()) {
      this.watchdog.stopAll();
      this.settle();
      return;
    }
    const pause = this.client.isClosed ? undefined : this.#resumption.lost(cause, this.ledger.answered);
    if (pause === undefined || isFinal) {
      this.end(cause, Fate.UNKNOWN);
      return;
    }
    this.#pauseMs = pause;
    this.client.withoutConnection.add(this);
    if (!this.ledger.isAnswered) {
      this.#resume();
    }
  }

  /** The client has been closed, which ends all its connections, and this stub lacks one. */
  clientClosed(): void {
    this.end(lostCause(new ConnectError("the client was closed", Code.Canceled)), Fate.UNKNOWN);
  }

  protected override settle(): void {
    clearTimeout(this.#pause);
    clearTimeout(this.#patience);
    this.client.withoutConnection.delete(this);
    super.settle();
  }
}

/** Whether who refuses to open a connection with this status would do so again. */
function sameAgain({ retryable, overloaded, code }: FailureCause): boolean {
  return !retryable && !overloaded && code !== Code.DeadlineExceeded;
}
