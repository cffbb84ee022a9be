// Sends one file with tus-js-client through a proxy of its own that cuts the first connections in the middle.
// node tus_client.cjs PORT FILE METADATA-JSON CUTS CHUNK -> one line of JSON
"use strict";
const fs = require("node:fs");
const net = require("node:net");
const tus = require("tus-js-client");

const [port, file, metadata, cuts, chunk] = process.argv.slice(2);
let left = Number(cuts);
let connections = 0;

const proxy = net.createServer((client) => {
  connections += 1;
  const server = net.connect(Number(port), "127.0.0.1");
  let passed = 0;
  client.on("data", (data) => {
    passed += data.length;
    if (left > 0 && passed > 30000) {
      left -= 1;
      server.end();
      client.destroy();
      return;
    }
    server.write(data);
  });
  server.on("data", (data) => client.write(data));
  for (const [one, other] of [[client, server], [server, client]]) {
    one.on("error", () => other.destroy());
    one.on("close", () => other.end());
  }
});

proxy.listen(0, "127.0.0.1", () => {
  const requests = [];
  const answers = [];
  const headers = {};
  const upload = new tus.Upload(fs.readFileSync(file), {
    endpoint: `http://127.0.0.1:${proxy.address().port}/send/tus/`,
    metadata: JSON.parse(metadata),
    retryDelays: Array(12).fill(100),
    chunkSize: Number(chunk) || Infinity,
    removeFingerprintOnSuccess: true,
    onBeforeRequest: (request) => { requests.push(request.getMethod()); },
    onAfterResponse: (request, response) => {
      answers.push(response.getStatus());
      for (const name of ["Counterfoil-Received", "Counterfoil-Receipt"]) {
        if (response.getHeader(name)) headers[name] = response.getHeader(name);
      }
    },
    onSuccess: () => done({ success: true }),
    onError: (error) => done({
      success: false,
      status: error.originalResponse ? error.originalResponse.getStatus() : 0,
      body: error.originalResponse ? error.originalResponse.getBody() : String(error),
    }),
  });
  function done(result) {
    console.log(JSON.stringify({ ...result, requests, answers, headers, connections }));
    process.exit(0);
  }
  upload.start();
});
