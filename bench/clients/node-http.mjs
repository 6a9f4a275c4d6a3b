import { Agent, request } from "node:http";

export function open({ port, connections, upload }) {
  const agent = new Agent({ keepAlive: true, maxSockets: connections, maxFreeSockets: connections });
  const method = upload === undefined ? "GET" : "POST";
  const headers = upload === undefined ? { accept: "*/*" } : { accept: "*/*", "content-length": upload.length };
  return (_number, path = "/") =>
    new Promise((resolve, reject) => {
      const sent = request({ agent, port, host: "127.0.0.1", method, path, headers }, (response) => {
        let length = 0;
        response.on("data", (chunk) => (length += chunk.length));
        response.on("end", () => resolve(length));
        response.on("error", reject);
      });
      sent.on("error", reject);
      sent.end(upload);
    });
}
