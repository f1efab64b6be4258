// The cost of a request, as the server tells it where it is asked to: `{"extensions": {"cost": true}}`.

/** An answer without what its author did not ask for, and the cost that it told; none where the server counts none. */
export function costed(result) {
  const { cost, ...others } = result?.extensions ?? {};
  if (cost === undefined) {
    // What is refused for its cost says so in its error.
    return { result, cost: read(result?.errors?.find(({ extensions }) => extensions?.cost)?.extensions.cost) };
  }
  const { extensions: _, ...asked } = result;
  return { result: Object.keys(others).length ? { ...asked, extensions: others } : asked, cost: read(cost) };
}

function read(cost) {
  if (typeof cost?.requested !== 'number') return null;
  const { requested, actual = null, throttle } = cost;
  return { requested, actual, left: throttle ? `${throttle.available} of ${throttle.maximum}` : null };
}
