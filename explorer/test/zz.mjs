import { browser as launch, open } from './page.mjs';
const b = await launch();
try {
 for (const [n,size] of Object.entries({desk:{width:1280,height:800},phone:{width:390,height:844}})) {
  const e = await open(b,'http://127.0.0.1:8392/',{...size,dark:n==='phone'});
  await e.run(); console.log(JSON.stringify(await e.answer()).slice(0,200));
  await new Promise(r=>setTimeout(r,1500));
  await e.screenshot(n+'-dev-query');
  await e.example('Lines, from the beginning'); await e.run(); const a=await e.answer(({received})=>received>0); console.log(a.received);
  await new Promise(r=>setTimeout(r,1000));
  await e.screenshot(n+'-dev-stream');
  await e.button('Stop').click();
  await e.page.getByLabel('Show Documentation Explorer').click();
  await new Promise(r=>setTimeout(r,1000));
  await e.screenshot(n+'-dev-docs');
  console.log(e.problems); await e.close();
 }
} catch (x) { console.log(x) } finally { await b.close(); }
