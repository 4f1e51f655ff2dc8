import { create, createFileRegistry, type Message } from "@bufbuild/protobuf";
import type { GenMessage } from "@bufbuild/protobuf/codegenv2";
import {
  FieldDescriptorProto_Label as Label,
  FieldDescriptorProto_Type as Type,
  FileDescriptorProtoSchema,
} from "@bufbuild/protobuf/wkt";
import type { DescMethodStreaming } from "@bufbuild/protobuf";
import { file_google_rpc_status, type Status } from "./gen/google/rpc/status_pb.js";
import { DurableObjects, type ConnectManyRequestSchema } from "./gen/seriatim/v1/durable_objects_pb.js";

/** The contract's `ConnectManyResponse`, with frames as they came. */
export interface LaneResponses extends Message {
  lanes: LaneResponse[];
}

/** The contract's `LaneResponse`. Its frame isn't read yet: so its size is known, and a bad one is bad for its lane alone. */
export interface LaneResponse extends Message {
  lane: bigint;
  frame?: Uint8Array;
  end?: Status;
}

const PACKAGE = DurableObjects.file.proto.package;

const messages = createFileRegistry(
  create(FileDescriptorProtoSchema, {
    name: "seriatim/v1/lane_messages.proto",
    package: PACKAGE,
    syntax: "proto3",
    dependency: [file_google_rpc_status.proto.name],
    messageType: [
      {
        name: "ConnectManyResponse",
        field: [
          {
            name: "lanes",
            number: 1,
            type: Type.MESSAGE,
            label: Label.REPEATED,
            typeName: `.${PACKAGE}.LaneResponse`,
          },
        ],
      },
      {
        name: "LaneResponse",
        field: [
          { name: "lane", number: 1, type: Type.UINT64, label: Label.OPTIONAL },
          {
            name: "frame",
            number: 2,
            type: Type.BYTES,
            label: Label.OPTIONAL,
            proto3Optional: true,
            oneofIndex: 0,
          },
          {
            name: "end",
            number: 3,
            type: Type.MESSAGE,
            label: Label.OPTIONAL,
            typeName: ".google.rpc.Status",
          },
        ],
        oneofDecl: [{ name: "_frame" }],
      },
    ],
  }),
  () => file_google_rpc_status,
);

/** The contract's method, whose responses are read as above. */
export const connectMany: DescMethodStreaming<typeof ConnectManyRequestSchema, GenMessage<LaneResponses>> = {
  ...DurableObjects.method.connectMany,
  output: messages.getMessage(`${PACKAGE}.ConnectManyResponse`) as GenMessage<LaneResponses>,
};
