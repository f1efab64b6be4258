// The explorer in Debian's Chromium, with every other host refused. What the page does wrong is kept: requests that
// leave the server, breaches of the policy, errors on the console.
import { existsSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';

const folder = fileURLToPath(new URL('../screenshots/', import.meta.url));

const PROGRAMS = [process.env.CHROMIUM, '/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];

/** The machine may be busy; nothing here is about speed. */
const PATIENCE = 60_000;

export async function browser() {
  const executablePath = PROGRAMS.find((program) => program && existsSync(program));
  if (!executablePath) throw new Error('no Chromium is installed; CHROMIUM may name one');
  return chromium.launch({
    executablePath,
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  });
}

/** A page of its own, without anything that another one stored. */
export async function open(browser, url, { width = 1280, height = 800, dark = false, expected = [] } = {}) {
  const origin = new URL(url).origin;
  const problems = [];
  const context = await browser.newContext({
    viewport: { width, height },
    colorScheme: dark ? 'dark' : 'light',
    reducedMotion: 'reduce',
  });
  context.setDefaultTimeout(PATIENCE);
  await context.route(
    (address) => address.origin !== origin,
    (route) => {
      problems.push(`asked elsewhere: ${route.request().url()}`);
      return route.abort();
    },
  );
  await context.routeWebSocket(
    (address) => address.host !== new URL(url).host,
    (socket) => {
      problems.push(`a socket elsewhere: ${socket.url()}`);
      socket.close();
    },
  );
  await context.addInitScript(() => {
    addEventListener('securitypolicyviolation', (event) => {
      console.error(`policy: ${event.violatedDirective} ${event.blockedURI} ${event.sourceFile}:${event.lineNumber}`);
    });
  });
  const page = await context.newPage();
  page.on('pageerror', (error) => problems.push(`error: ${error.message}`));
  page.on('console', (message) => {
    if (message.type() !== 'error' || expected.some((known) => known.test(message.text()))) return;
    problems.push(`console: ${message.text()}`);
  });
  await page.goto(url);
  await page.locator('select.examples:enabled').waitFor();
  return new Explorer(page, context, problems);
}

/** The page as its user handles it. */
class Explorer {
  constructor(page, context, problems) {
    Object.assign(this, { page, context, problems });
  }

  close = () => this.context.close();

  example = (title) => this.page.getByLabel('Examples').selectOption(title);

  run = () => this.page.locator('.graphiql-execute-button').click();

  /** Puts a text into the editor of the operation. */
  write(text) {
    return this.page.evaluate((text) => {
      const models = globalThis.__MONACO.editor.getModels();
      models.find(({ uri }) => uri.path.endsWith('operation.graphql')).setValue(text);
    }, text);
  }

  /** The whole answer, which the editor shows in part. */
  response() {
    return this.page.evaluate(() => {
      const models = globalThis.__MONACO.editor.getModels();
      return models.find(({ uri }) => uri.path.endsWith('response.json')).getValue();
    });
  }

  /** The answer, once there is one that passes. */
  async answer(passes = () => true) {
    const until = Date.now() + PATIENCE;
    for (;;) {
      const text = await this.response();
      const value = text ? JSON.parse(text) : undefined;
      if (value && passes(value)) return value;
      if (Date.now() > until) throw new Error(`no such answer; there is ${text}`);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  /** The stream's phase, once it is that one. */
  phase = (phase) => this.page.locator(`.stream.${phase}`).waitFor();

  cursor = () => this.page.locator('.stream .cursor code').textContent();

  button = (name) => this.page.getByRole('button', { name, exact: true });

  async screenshot(name) {
    await mkdir(folder, { recursive: true });
    await this.page.screenshot({ path: `${folder}${name}.png` });
  }
}
