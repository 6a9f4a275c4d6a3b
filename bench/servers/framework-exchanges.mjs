// What the applications of the `frameworks` group are asked, and have to answer. Every one of them answers all of it.

import { hello, streamPiece } from "./start.mjs";

export const streamedPieces = 10;
export const product = { id: 48213, name: "garden hose", price: 29.99, tags: ["green", "long"], inStock: true };

const order = { customer: "c-1904", note: "ring twice", items: Array.from({ length: 5 }, orderLine) };

function orderLine(_value, number) {
  return { product: 48_000 + number, count: number + 1, options: { colour: "blue", size: number * 10 } };
}

/** By the name of the scenario. `content` makes it a POST of JSON. */
export const exchanges = {
  text: { path: "/text", answer: hello.toString() },
  json: { path: "/json", answer: JSON.stringify(product) },
  params: {
    path: "/users/1904/orders/77",
    answer: JSON.stringify({
      id: "1904",
      order: "77",
      language: "en-GB",
      requestId: "0b4c7d3e-64a5-4a0e-9a8d-2f6f1f1d9a55",
      cookies: 113,
    }),
  },
  post: { path: "/orders", content: JSON.stringify(order), answer: JSON.stringify({ lines: 5, count: 15 }) },
  stream: { path: "/stream", answer: streamPiece.toString().repeat(streamedPieces) },
};
