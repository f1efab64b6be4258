// The explorer as people use it, in a real browser without any other network, on the real server.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { serve } from '../../tests/clients/server.mjs';
import { examples } from '../src/examples.js';
import { cable } from './cable.mjs';
import { browser as launch, open } from './page.mjs';

let browser;
let server;
let home;

before(async () => {
  [browser, server] = await Promise.all([launch(), serve()]);
  home = `http://${server.address}/`;
});

after(async () => {
  await browser?.close();
  await server?.stop();
});

/** Asks the server beside the page. */
async function ask(query, variables, token) {
  const authorization = token ? { authorization: `Bearer ${token}` } : {};
  const response = await fetch(server.url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...authorization },
    body: JSON.stringify({ query, variables }),
  });
  const { data, errors } = await response.json();
  assert.equal(errors, undefined, JSON.stringify(errors));
  return data;
}

const UPDATE = 'mutation($input: UpdateProfileInput!) { updateProfile(input: $input) { cursor errors { code } } }';

/** Changes a profile; answers the cursor of the change. */
async function change(description) {
  const { updateProfile } = await ask(UPDATE, { input: { id: 'UHJvZmlsZToxNDc', description } });
  assert.deepEqual(updateProfile.errors, []);
  return updateProfile.cursor;
}

test('its files are its own, kept for long, and under a policy that allows no other', async () => {
  const front = await fetch(home);
  const policy = front.headers.get('content-security-policy');
  assert.match(policy, /default-src 'none'; script-src 'self';/);
  assert.doesNotMatch(policy, /unsafe-eval|https?:/);
  const page = await front.text();
  assert.doesNotMatch(page, /<script(?![^>]*\bsrc=)|<style|\bhttps?:/, 'nothing inline, nothing from elsewhere');
  const again = await fetch(home, { headers: { 'if-none-match': front.headers.get('etag') } });
  assert.equal(again.status, 304);

  const files = [...page.matchAll(/(?:src|href)="\.\/(explorer\/[^"]+)"/g)].map(([, file]) => file);
  assert.ok(files.length >= 2, page);
  for (const file of files) {
    const response = await fetch(home + file);
    assert.equal(response.status, 200, file);
    assert.match(response.headers.get('cache-control'), /max-age=31536000, immutable/);
    assert.equal(response.headers.get('x-content-type-options'), 'nosniff');
    const known = await fetch(home + file, { headers: { 'if-none-match': response.headers.get('etag') } });
    assert.equal(known.status, 304, file);
  }
});

test('the documentation is there', async () => {
  const explorer = await open(browser, home);
  await explorer.page.getByLabel('Show Documentation Explorer').click();
  await explorer.page.locator('.graphiql-doc-explorer').getByText('Query', { exact: true }).first().click();
  await explorer.page.locator('.graphiql-doc-explorer').getByText('profileDiff').first().waitFor();
  await explorer.screenshot('documentation');
  assert.deepEqual(explorer.problems, []);
  await explorer.close();
});

test('every example runs as it stands', async () => {
  const explorer = await open(browser, home);
  for (const { kind, title } of examples) {
    await explorer.example(title);
    await explorer.run();
    if (kind === 'Subscriptions') {
      await explorer.phase('following');
      if (title !== 'Every change from now on') await explorer.answer(({ received }) => received > 0);
      await explorer.button('Stop').click();
      await explorer.phase('stopped');
    } else {
      const { data, errors } = await explorer.answer();
      assert.equal(errors, undefined, `${title}: ${JSON.stringify(errors)}`);
      assert.ok(data, title);
      assert.match(await explorer.page.locator('.request').textContent(), /^200[\d.]+ ms/);
      const refused = Object.values(data).flatMap((field) => field?.errors ?? []).map(({ code }) => code);
      assert.equal(refused.includes('LINE_IS_CLONE'), title.startsWith('Break a rule'), `${title}: ${refused}`);
      assert.equal(refused.length > 0, title.startsWith('Break a rule'), `${title}: ${refused}`);
    }
  }
  assert.deepEqual(explorer.problems, []);
  await explorer.close();
});

test('a query of one\'s own stays in its tab and in the history', async () => {
  const explorer = await open(browser, home);
  await explorer.write('query Mine { service { version } }');
  await explorer.page.locator('#graphiql-session-tab-0', { hasText: 'Mine' }).waitFor();
  await explorer.run();
  const { data } = await explorer.answer();
  assert.match(data.service.version, /^\d/);
  await explorer.example('The rules, and what breaks them');
  await explorer.page.locator('#graphiql-session-tab-1', { hasText: 'Rules' }).waitFor();
  await explorer.page.getByLabel('Show History').click();
  await explorer.page.locator('.graphiql-history').getByText('Mine').first().waitFor();
  // The tabs are stored a moment after they change.
  await explorer.page.waitForFunction(() => /Mine.*Rules/.test(localStorage.getItem('graphiql:tabState')));
  await explorer.page.reload();
  await explorer.page.locator('#graphiql-session-tab-0', { hasText: 'Mine' }).waitFor();
  assert.deepEqual(explorer.problems, []);
  await explorer.close();
});

test('a mutation changes, and a stream tells it', async () => {
  const following = await open(browser, home);
  await following.example('Every change from now on');
  await following.run();
  await following.phase('following');
  const changing = await open(browser, home);
  const { service } = await ask('{ service { newestCursor } }');
  await changing.example('Change a line, and all its clones');
  await changing.page.evaluate((text) => {
    const models = globalThis.__MONACO.editor.getModels();
    models.find(({ uri }) => uri.path.endsWith('variables.json')).setValue(text);
  }, JSON.stringify({ input: { appearanceId: 'TGluZUFwcGVhcmFuY2U6NTMw', settings: { maxCalls: 11 }, reason: 'seen' } }));
  await changing.run();
  const { data } = await changing.answer();
  assert.deepEqual(data.changeLineSettings.errors, []);
  assert.notEqual(data.changeLineSettings.cursor, service.newestCursor);
  const { newestFirst } = await following.answer(({ received }) => received > 0);
  assert.equal(newestFirst[0].data.changes.reason, 'seen');
  assert.equal(await following.cursor(), data.changeLineSettings.cursor);
  for (const explorer of [following, changing]) {
    assert.deepEqual(explorer.problems, []);
    await explorer.close();
  }
});

test('a stream that is cut off goes on after its cursor, and nothing is lost', async () => {
  const line = await cable(server.address);
  const explorer = await open(browser, line.url);
  const told = async (count) => {
    const { newestFirst } = await explorer.answer(({ received }) => received >= count);
    return newestFirst.map(({ data }) => data.changes.cursor).reverse();
  };
  // Without `cursor` in its selection: the page knows it all the same, and shows what was asked for.
  await explorer.write('subscription Bare { changes { cursor reason } }');
  await explorer.run();
  await explorer.phase('following');

  // Cut before the first event, so that only the place where it began can be gone on from.
  line.cut();
  await explorer.phase('broken');
  const expected = [await change('while it was cut'), await change('and once more')];
  await explorer.button('Resume').click();
  assert.deepEqual(await told(2), expected);

  // Stopped by its user, and cut again after some events.
  await explorer.button('Stop').click();
  await explorer.phase('stopped');
  expected.push(await change('while it was stopped'));
  await explorer.button('Resume').click();
  assert.deepEqual(await told(3), expected);
  expected.push(await change('while it was followed'));
  assert.deepEqual(await told(4), expected);
  line.cut();
  await explorer.phase('broken');
  expected.push(await change('while it was cut again'));
  assert.equal(await explorer.cursor(), expected[3]);
  await explorer.screenshot('broken');
  await explorer.button('Resume').click();
  assert.deepEqual(await told(5), expected);
  assert.equal(await explorer.cursor(), expected[4]);
  assert.deepEqual(explorer.problems, []);
  await explorer.close();
  await line.stop();
});

test('a stream shows what was asked for, though its cursor is known', async () => {
  const explorer = await open(browser, home);
  await explorer.write('subscription Reasons { all: changes(after: "s0") { change { kind } } }');
  await explorer.run();
  const { newestFirst } = await explorer.answer(({ received }) => received >= 3);
  assert.deepEqual(Object.keys(newestFirst[0].data), ['all']);
  assert.deepEqual(Object.keys(newestFirst[0].data.all), ['change']);
  assert.match(await explorer.cursor(), /^s\d+$/);
  assert.deepEqual(explorer.problems, []);
  await explorer.close();
});

test('a token opens the server, and is kept nowhere that outlives the tab', async () => {
  const guarded = await serve({}, { tokens: true });
  const refused = [/status of 401/, /WebSocket connection/];
  const explorer = await open(browser, `http://${guarded.address}/`, { expected: refused });
  const { page } = explorer;
  await page.getByText('This server asks for a token').waitFor();
  await explorer.write('query Me { me { role } }');
  await explorer.run();
  const { errors } = await explorer.answer();
  assert.equal(errors[0].extensions.code, 'UNAUTHENTICATED');

  await page.getByLabel('Token').fill('not-a-token');
  await explorer.button('Use').click();
  await page.getByText('The token was refused').waitFor();
  await explorer.button('Forget').click();
  await page.getByLabel('Token').fill(` Bearer ${guarded.token} `);
  await explorer.button('Use').click();
  await page.getByText('admin of everything').waitFor();
  await explorer.run();
  assert.equal((await explorer.answer(({ data }) => data)).data.me.role, 'ADMIN');

  // Over the WebSocket as well.
  await explorer.example('Lines, from the beginning');
  await explorer.run();
  await explorer.answer(({ received }) => received > 0);
  await explorer.button('Stop').click();

  const kept = await page.evaluate(() => JSON.stringify({ ...localStorage }) + document.cookie + location.href);
  assert.ok(kept.includes('query Me'), 'what is kept is what was looked at');
  assert.ok(!kept.includes(guarded.token), 'the token is in nothing that stays');
  assert.ok(!(await page.content()).includes(guarded.token), 'nor on the page');
  await page.reload();
  await page.getByText('Token in use').waitFor();
  await page.getByText('admin of everything').waitFor();
  const other = await explorer.context.newPage();
  await other.goto(page.url());
  await other.getByText('This server asks for a token').waitFor();
  await other.close();

  await explorer.button('Forget').click();
  await page.getByText('This server asks for a token').waitFor();
  assert.equal(await page.evaluate(() => sessionStorage.length), 0);
  assert.deepEqual(explorer.problems, []);
  await explorer.close();
  await guarded.stop();
});

const SIZES = { desk: { width: 1280, height: 800 }, phone: { width: 390, height: 844 } };

for (const [name, size] of Object.entries(SIZES)) {
  for (const dark of [false, true]) {
    test(`it looks right on a ${name}, ${dark ? 'dark' : 'light'}`, async () => {
      const explorer = await open(browser, home, { ...size, dark });
      const shot = (what) => explorer.screenshot(`${name}-${dark ? 'dark' : 'light'}-${what}`);
      await explorer.run();
      await explorer.answer();
      await explorer.page.locator('.graphiql-response .view-line').nth(3).waitFor();
      await shot('query');

      await explorer.example('Lines, from the beginning');
      await explorer.run();
      await explorer.answer(({ received }) => received > 0);
      await shot('stream');
      await explorer.button('Stop').click();
      await explorer.page.getByLabel('Show Documentation Explorer').click();
      await explorer.page.locator('.graphiql-doc-explorer').getByText('Query', { exact: true }).first().waitFor();
      await shot('documentation');

      // Everything is within the window, and what must be reached can be.
      const { page } = explorer;
      const wide = await page.evaluate(() => document.documentElement.scrollWidth);
      assert.ok(wide <= size.width, `the page is ${wide} wide`);
      for (const part of ['.examples', '.token', '.status', '.graphiql-sidebar']) {
        const box = await page.locator(part).boundingBox();
        assert.ok(box && box.x >= 0 && box.x + box.width <= size.width + 0.5, `${part} ${JSON.stringify(box)}`);
        assert.ok(box.y >= 0 && box.y + box.height <= size.height + 0.5, `${part} ${JSON.stringify(box)}`);
      }
      assert.deepEqual(explorer.problems, []);
      await explorer.close();
    });
  }
}
