// The page: a bar with examples and the token, GraphiQL, and below it what came of the last request and the stream.
import { DOC_EXPLORER_PLUGIN, DocExplorerStore } from '@graphiql/plugin-doc-explorer';
import { HISTORY_PLUGIN, HistoryStore } from '@graphiql/plugin-history';
import { GraphiQLProvider } from '@graphiql/react';
import { GraphiQLInterface } from 'graphiql';
import { buildSchema } from 'graphql';
import { useEffect, useState } from 'react';
import { Bar } from './bar.jsx';
import { useCell } from './cell.js';
import { examples } from './examples.js';
import { fetcher } from './fetcher.js';
import { SCHEMA } from './server.js';
import { Status } from './status.jsx';
import { credentials, token } from './token.js';

const plugins = [DOC_EXPLORER_PLUGIN, HISTORY_PLUGIN];

export function Explorer() {
  const schema = useSchema();
  return (
    <GraphiQLProvider
      fetcher={fetcher}
      schema={schema}
      dangerouslyAssumeSchemaIsValid
      defaultQuery={examples[0].query}
      plugins={plugins}
      referencePlugin={DOC_EXPLORER_PLUGIN}
      shouldPersistHeaders={false}
    >
      <HistoryStore>
        <DocExplorerStore>
          <Bar />
          <main>
            <GraphiQLInterface
              defaultEditorToolsVisibility
              isHeadersEditorEnabled={false}
              showPersistHeadersSettings={false}
            />
          </main>
          <Status />
        </DocExplorerStore>
      </HistoryStore>
    </GraphiQLProvider>
  );
}

/**
 * The schema as the server prints it. `null` while it is on its way; `undefined`, which has GraphiQL ask by
 * introspection instead, where it cannot be had so.
 */
function useSchema() {
  const [schema, setSchema] = useState(null);
  const shown = useCell(token);
  useEffect(() => {
    let stale = false;
    const read = async () => {
      const response = await fetch(SCHEMA, { headers: credentials() });
      if (!response.ok) throw new Error(`${response.status}`);
      return buildSchema(await response.text(), { assumeValid: true, assumeValidSDL: true, noLocation: true });
    };
    read()
      .catch(() => undefined)
      .then((schema) => stale || setSchema(schema));
    return () => {
      stale = true;
    };
  }, [shown]);
  return schema;
}
