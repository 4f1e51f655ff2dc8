/** Makes known a fault that is not this library's, and that no call can be failed with. */
export function warn(what: string, thrown: unknown): void {
  const why = thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown);
  process.emitWarning(`${what}: ${why}`, "SeriatimWarning");
}
