// The token: kept for this tab of the browser and gone with it, sent as a header to this server alone. It stands in
// no address, no history and nothing that outlives the tab; that is also why the editor has no field for headers,
// whose text GraphiQL keeps with each request in its history.
import { Cell } from './cell.js';

const KEY = 'roamline.token';

export const token = new Cell(sessionStorage.getItem(KEY) ?? '');

export function keep(text) {
  sessionStorage.setItem(KEY, text);
  token.set(text);
}

export function forget() {
  sessionStorage.removeItem(KEY);
  token.set('');
}

/** What shows the server who asks: a header of a request, a member of a socket's greeting. */
export const credentials = () => (token.get() ? { authorization: `Bearer ${token.get()}` } : {});
