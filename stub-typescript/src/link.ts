import type { ConnectError } from "@connectrpc/connect";
import type { ConnectRequest, ConnectResponse } from "./gen/seriatim/v1/durable_objects_pb.js";

/** A frame that is to be sent now. */
export interface CutFrame {
  readonly frame: ConnectRequest;

  /** At least its size. */
  readonly bytes: number;
}

/** Whose frames a link carries. */
export interface Carried {
  /**
   * The next frame to send; or to wait, until {@link Link.kick} is called; or to half-close, and nothing more.
   *
   * @param room the most bytes that the frame may have; if it has more, it stays where it is, and there is no room
   */
  next(room: number): CutFrame | "wait" | "halfClose" | "noRoom";

  /** What was sent has come to nobody, and is to be sent again. */
  takeBack(): void;

  /** A frame has come. */
  receive(frame: ConnectResponse): void;

  /** The host has broken the rules by something that isn't a frame. */
  violated(what: string): void;

  /** What carried the frames has ended: with OK if there is no error. Told once. */
  connectionEnded(error: ConnectError | undefined): void;
}

/** What carries one session: a call of its own, or a lane of a call that it shares with others. */
export interface Link {
  /** There may be something to send. What is called in one go leaves in one frame. */
  kick(): void;

  /** Ends it from this side. */
  hangUp(reason: ConnectError): void;
}
