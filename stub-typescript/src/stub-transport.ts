import {
  create,
  type DescMessage,
  type DescMethod,
  type DescMethodUnary,
  type MessageInitShape,
  type MessageShape,
} from "@bufbuild/protobuf";
import {
  ConnectError,
  createContextValues,
  type ContextValues,
  type Interceptor,
  type Transport,
  type UnaryRequest,
  type UnaryResponse,
} from "@connectrpc/connect";
import type { DurableObjectStub } from "./stub.js";

/** How clients that are made on a stub call it. */
export interface StubTransportOptions {
  /** Applied to every call; the first one is the outermost. Default: none. */
  readonly interceptors?: readonly Interceptor[];

  /** The timeout of calls that don't bring one. Default: none. */
  readonly defaultTimeoutMs?: number;
}

/** A transport whose unary calls are invocations on the stub. */
export function stubTransport(
  stub: DurableObjectStub,
  refuse: (method: DescMethod) => Promise<never>,
  { interceptors = [], defaultTimeoutMs }: StubTransportOptions,
): Transport {
  return {
    unary<I extends DescMessage, O extends DescMessage>(
      method: DescMethodUnary<I, O>,
      signal: AbortSignal | undefined,
      timeoutMs: number | undefined,
      header: HeadersInit | undefined,
      input: MessageInitShape<I>,
      contextValues?: ContextValues,
    ): Promise<UnaryResponse<I, O>> {
      const options = { signal, timeoutMs: timeoutMs ?? defaultTimeoutMs };
      if (interceptors.length === 0) {
        return stub
          .call(method, input, { ...options, headers: header })
          .then((message) => unaryResponse(method, message));
      }
      const call = async (request: UnaryRequest<I, O>): Promise<UnaryResponse<I, O>> => {
        const { signal, header, message } = request;
        const response = stub.call(method, message, {
          ...options,
          signal,
          headers: header,
        });
        return unaryResponse(method, await response);
      };
      return intercepted(
        interceptors,
        call,
      )({
        stream: false,
        service: method.parent,
        method,
        requestMethod: "POST",
        url: `seriatim:/${method.parent.typeName}/${method.name}`,
        signal: signal ?? new AbortController().signal,
        header: new Headers(header),
        contextValues: contextValues ?? createContextValues(),
        message: create(method.input, input),
      });
    },
    stream(method) {
      const refused = refuse(method);
      refused.catch(() => undefined); // A client looks at it only when it is iterated.
      return refused;
    },
  };
}

/** The call behind its interceptors. Their own errors become connect's. */
function intercepted<I extends DescMessage, O extends DescMessage>(
  interceptors: readonly Interceptor[],
  call: (request: UnaryRequest<I, O>) => Promise<UnaryResponse<I, O>>,
): (request: UnaryRequest<I, O>) => Promise<UnaryResponse<I, O>> {
  const innermost = call as unknown as ReturnType<Interceptor>;
  const outermost = interceptors.reduceRight((next, interceptor) => interceptor(next), innermost);
  return async (request) => {
    try {
      return (await outermost(request)) as UnaryResponse<I, O>;
    } catch (thrown) {
      throw ConnectError.from(thrown);
    }
  };
}

function unaryResponse<I extends DescMessage, O extends DescMessage>(
  method: DescMethodUnary<I, O>,
  message: MessageShape<O>,
): UnaryResponse<I, O> {
  return {
    stream: false,
    service: method.parent,
    method,
    // Made only where someone looks: two for each call would cost more than all the rest of it.
    get header() {
      return new Headers();
    },
    get trailer() {
      return new Headers();
    },
    message,
  };
}
