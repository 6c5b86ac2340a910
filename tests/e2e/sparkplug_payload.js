// Decodes payloads with sparkplug-payload: one in base64 a line in, one in JSON a line out.
const { get } = require("sparkplug-payload");
const readline = require("readline");
const codec = get("spBv1.0");
const plain = (_key, value) =>
  value !== null && typeof value === "object" && typeof value.toNumber === "function"
    ? value.toString() : value;
readline.createInterface({ input: process.stdin }).on("line", (line) => {
  const decoded = codec.decodePayload(new Uint8Array(Buffer.from(line, "base64")));
  console.log(JSON.stringify(decoded, plain));
});
