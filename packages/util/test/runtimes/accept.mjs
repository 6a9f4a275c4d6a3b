/** The accept loop of the runtimes that listen by themselves. */
export function onEach(listener, port, serve) {
  const loop = (async () => {
    for await (const io of listener) serve(io);
  })();
  return {
    port,
    async close() {
      await listener.close();
      await loop;
    },
  };
}
