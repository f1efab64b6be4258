// The bar above the editor: the name, examples to open, who the server takes the user for, and the token.
import { useGraphiQL, useGraphiQLActions } from '@graphiql/react';
import { useEffect, useState } from 'react';
import { useCell } from './cell.js';
import { examples, kinds } from './examples.js';
import { ask } from './server.js';
import { forget, keep, token } from './token.js';

export function Bar() {
  return (
    <header className="bar">
      <h1>Roamline</h1>
      <Examples />
      <Caller />
      <Token />
    </header>
  );
}

/** Opens an example: in this tab where it holds nothing of the user's own, else in a new one. */
function Examples() {
  const { addTab, updateActiveTabValues } = useGraphiQLActions();
  const queryEditor = useGraphiQL((state) => state.queryEditor);
  const variableEditor = useGraphiQL((state) => state.variableEditor);
  const open = (title) => {
    const example = examples.find((one) => one.title === title);
    if (!example || !queryEditor || !variableEditor) return;
    const there = queryEditor.getValue().trim();
    if (there && !examples.some(({ query }) => query.trim() === there)) addTab();
    const variables = example.variables ? JSON.stringify(example.variables, null, 2) : '';
    queryEditor.setValue(example.query);
    variableEditor.setValue(variables);
    updateActiveTabValues({ query: example.query, variables, response: null });
  };
  return (
    <select
      className="examples"
      aria-label="Examples"
      value=""
      disabled={!queryEditor || !variableEditor}
      onChange={(event) => open(event.target.value)}
    >
      <option value="" disabled>
        Examples
      </option>
      {kinds.map((kind) => (
        <optgroup key={kind} label={kind}>
          {examples
            .filter((example) => example.kind === kind)
            .map(({ title }) => (
              <option key={title}>{title}</option>
            ))}
        </optgroup>
      ))}
    </select>
  );
}

/** Whom the server takes the user for. */
function Caller() {
  const shown = useCell(token);
  const [who, setWho] = useState(null);
  useEffect(() => {
    let stale = false;
    ask({ query: '{ me { name role organization { path } } }' })
      .then(({ result }) => ({ me: result.data?.me, code: result.errors?.[0]?.extensions?.code }))
      .catch(() => ({}))
      .then((who) => stale || setWho(who));
    return () => {
      stale = true;
    };
  }, [shown]);
  if (!who) return <p className="caller" />;
  const { me, code } = who;
  if (!me) {
    const stranger = shown ? 'The token was refused' : 'This server asks for a token';
    return (
      <p className="caller wanting" role="status">
        {code === 'UNAUTHENTICATED' ? stranger : 'The server does not say who you are'}
      </p>
    );
  }
  const where = me.organization?.path ?? 'everything';
  return (
    <p className="caller" role="status" title={`${me.name}: ${me.role.toLowerCase()} of ${where}`}>
      <b>{me.name}</b> <span>{me.role.toLowerCase()} of {where}</span>
    </p>
  );
}

/** Takes a token, and forgets it; never shows it. */
function Token() {
  const shown = useCell(token);
  const [text, setText] = useState('');
  const submit = (event) => {
    event.preventDefault();
    const entered = text.trim().replace(/^bearer\s+/i, '');
    if (entered) keep(entered);
    setText('');
  };
  if (shown) {
    return (
      <div className="token">
        <span>Token in use</span>
        <button type="button" onClick={forget}>
          Forget
        </button>
      </div>
    );
  }
  return (
    <form className="token" onSubmit={submit} autoComplete="off">
      <input
        type="password"
        aria-label="Token"
        placeholder="Token"
        title="Kept in this tab only, and sent to this server only"
        autoComplete="off"
        spellCheck="false"
        value={text}
        onChange={(event) => setText(event.target.value)}
      />
      <button type="submit" disabled={!text.trim()}>
        Use
      </button>
    </form>
  );
}
