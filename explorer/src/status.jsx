// The line below the editor: what the last request came to, and the stream with its cursor.
import { useGraphiQL, useGraphiQLActions } from '@graphiql/react';
import { useEffect, useRef } from 'react';
import { useCell } from './cell.js';
import { lastRequest } from './server.js';
import { resume, stream } from './stream.js';

export function Status() {
  return (
    <footer className="status">
      <Request />
      <Stream />
    </footer>
  );
}

function Request() {
  const about = useCell(lastRequest);
  if (!about) return <p className="request">Nothing was asked yet</p>;
  const { status, ms, bytes, errors, cost } = about;
  return (
    <p className="request" role="status">
      <b className={errors ? 'bad' : 'good'}>{errors ? `${status}, ${errors} ${errors === 1 ? 'error' : 'errors'}` : status}</b>
      <span>{ms < 10 ? ms.toFixed(1) : Math.round(ms)} ms</span>
      <span>{size(bytes)}</span>
      {cost && <span title={tariff(cost)}>cost {cost.actual === null ? cost.requested : `${cost.actual} of ${cost.requested}`}</span>}
    </p>
  );
}

const tariff = ({ left }) => `What it came to, of what it was taken to cost before${left ? `; ${left} are left` : ''}`;

function size(bytes) {
  if (bytes < 1_000) return `${bytes} B`;
  return bytes < 1_000_000 ? `${(bytes / 1_000).toFixed(1)} kB` : `${(bytes / 1_000_000).toFixed(1)} MB`;
}

const WORDS = {
  connecting: 'Connecting',
  following: 'Following',
  stopped: 'Stopped',
  broken: 'Broken off',
};

function Stream() {
  const { phase, received, cursor, why } = useCell(stream);
  const { run, stop, changeTab } = useGraphiQLActions();
  const tabs = useGraphiQL((state) => state.tabs);
  const active = useGraphiQL((state) => state.activeTabIndex);
  // The tab that it runs in, so that its events go on where they were.
  const tab = useRef(null);
  const begun = phase === 'connecting';
  useEffect(() => {
    if (begun) tab.current = tabs[active]?.id;
  }, [begun]);

  if (phase === 'none') return null;
  const live = phase === 'connecting' || phase === 'following';
  const goOn = () => {
    const at = tabs.findIndex(({ id }) => id === tab.current);
    if (at >= 0 && at !== active) changeTab(at);
    return resume(run);
  };
  return (
    <div className={`stream ${phase}`} role="status">
      <span className="dot" aria-hidden="true" />
      <span className="phase" title={why ?? undefined}>
        {WORDS[phase]}
        {phase === 'broken' && <small>: {why}</small>}
      </span>
      <span className="received">
        {received} {received === 1 ? 'event' : 'events'}
      </span>
      {cursor && (
        <span className="cursor" title="The cursor of the last event: a place in the stream to go on from">
          after <code>{cursor}</code>
        </span>
      )}
      {live ? (
        <button type="button" onClick={stop}>
          Stop
        </button>
      ) : (
        <button type="button" onClick={goOn} disabled={!cursor} title="Go on with exactly what came after the cursor">
          Resume
        </button>
      )}
    </div>
  );
}
