// A cable between the page and the server that can be cut: a relay of bytes on an address of its own.
import { connect, createServer } from 'node:net';

export async function cable(address) {
  const [host, port] = address.split(':');
  const ends = new Set();
  const relay = createServer((near) => {
    const far = connect(Number(port), host);
    for (const [one, other] of [[near, far], [far, near]]) {
      ends.add(one);
      one.pipe(other);
      one.on('error', () => other.destroy());
      one.on('close', () => {
        ends.delete(one);
        other.destroy();
      });
    }
  });
  await new Promise((resolve) => relay.listen(0, '127.0.0.1', resolve));
  const cut = () => ends.forEach((end) => end.destroy());
  const stop = () => {
    cut();
    return new Promise((resolve) => relay.close(resolve));
  };
  return { url: `http://127.0.0.1:${relay.address().port}/`, cut, stop };
}
