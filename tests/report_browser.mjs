// A report in a real browser: tests/report_browser.mjs REPORT.html [FOLDER for screenshots]
//
// Checks that the page loads no other files, that the console stays empty, that nothing is wider than the screen of a
// computer or of a phone, that every drawing is there with legible text, and that the page follows the light or dark theme.
// Needs Debian's chromium and node but no npm packages: it speaks the DevTools protocol over two pipes.
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";

const [report, pictures] = process.argv.slice(2);
if (!report) {
  console.error("usage: report_browser.mjs REPORT.html [FOLDER for screenshots]");
  process.exit(2);
}
const page = pathToFileURL(resolve(report)).href;
const profile = mkdtempSync(join(tmpdir(), "report-"));
const browser = spawn(
  process.env.CHROMIUM ?? "chromium",
  ["--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--remote-debugging-pipe", `--user-data-dir=${profile}`],
  { stdio: ["ignore", "ignore", "ignore", "pipe", "pipe"] },
);
browser.on("error", (error) => {
  console.error(`cannot start chromium: ${error.message}`);
  process.exit(1);
});

// Messages end in a zero byte.
let last = 0;
let rest = "";
const waiting = new Map();
const listeners = [];
browser.stdio[4].setEncoding("utf8").on("data", (text) => {
  const messages = (rest + text).split("\0");
  rest = messages.pop();
  for (const message of messages.map((text) => JSON.parse(text))) {
    if (message.id) {
      const { done, failed } = waiting.get(message.id);
      waiting.delete(message.id);
      message.error ? failed(new Error(message.error.message)) : done(message.result);
    } else {
      listeners.forEach((listener) => listener(message));
    }
  }
});
const send = (method, params = {}, sessionId) =>
  new Promise((done, failed) => {
    const id = ++last;
    waiting.set(id, { done, failed });
    browser.stdio[3].write(JSON.stringify({ id, method, params, sessionId }) + "\0");
  });

// Chromium's helper processes may write to the profile for a moment after the browser has ended.
const remove = async (folder) => {
  for (let tries = 1; ; tries++) {
    try {
      return rmSync(folder, { recursive: true, force: true });
    } catch (error) {
      if (tries === 20) return console.error(`${folder} is left: ${error.message}`);
      await new Promise((done) => setTimeout(done, 250));
    }
  }
};

// What is examined in the page itself.
const look = () => {
  // What is folded counts too.
  const folded = [...document.querySelectorAll("details")];
  folded.forEach((one) => (one.open = true));
  const found = {
  wider: document.documentElement.scrollWidth - window.innerWidth,
  sections: document.querySelectorAll("main section").length,
  empty: [...document.querySelectorAll("main section")]
    .map((s) => (s.firstElementChild.matches("details") ? s.firstElementChild : s))
    .filter((s) => s.children.length < 2)
    .map((s) => s.innerText),
  // Tables outside the appendix that have to be scrolled sideways.
  scrolled: [...document.querySelectorAll("section:not(.appendix section) > .wide")]
    .filter((table) => table.scrollWidth > table.clientWidth)
    .map((table) => table.closest("section").querySelector("h2").innerText),
  // What is to be seen first.
  verdict: document.querySelector(".verdict")?.getBoundingClientRect().bottom ?? Infinity,
  spots: document.querySelectorAll(".panel circle > title").length,
  flat: [...document.querySelectorAll(".panel svg")].filter((svg) => {
    const box = svg.getBoundingClientRect();
    return box.width < 200 || box.height < 80 || !svg.querySelector("text");
  }).length,
  drawings: document.querySelectorAll(".panel svg").length,
  // The height of letters in drawings, as shown.
  letters: Math.min(
    ...[...document.querySelectorAll(".panel svg text")].map((text) => {
      const { a, b } = text.getScreenCTM(); // some of it is turned
      return parseFloat(getComputedStyle(text).fontSize) * Math.hypot(a, b);
    }),
  ),
  paper: getComputedStyle(document.body).backgroundColor,
  ink: getComputedStyle(document.querySelector(".panel svg text")).fill,
  unknown: [...document.querySelectorAll(".panel svg [fill^='#'], .panel svg [stroke^='#']")].length,
  };
  folded.forEach((one) => (one.open = false));
  return found;
};

const wrong = [];
const seen = {};
async function visit(width, height, scheme) {
  const where = `${width} px, ${scheme}`;
  const expect = (holds, what) => holds || wrong.push(`${where}: ${what}`);
  const { targetId } = await send("Target.createTarget", { url: "about:blank" });
  const { sessionId } = await send("Target.attachToTarget", { targetId, flatten: true });
  const ask = (method, params) => send(method, params, sessionId);
  let loaded;
  const ready = new Promise((done) => (loaded = done));
  const listener = ({ method, params, sessionId: from }) => {
    if (from !== sessionId) return;
    if (method === "Page.loadEventFired") loaded();
    if (method === "Network.requestWillBeSent") {
      const { url } = params.request;
      expect(url === page || url.startsWith("data:"), `asks for ${url}`);
    }
    if (method === "Runtime.consoleAPICalled") expect(false, `console: ${JSON.stringify(params.args)}`);
    if (method === "Runtime.exceptionThrown") expect(false, `exception: ${params.exceptionDetails.text}`);
    if (method === "Log.entryAdded") expect(false, `log: ${params.entry.text}`);
  };
  listeners.push(listener);
  for (const domain of ["Page", "Network", "Runtime", "Log"]) await ask(`${domain}.enable`);
  await ask("Emulation.setDeviceMetricsOverride", { width, height, deviceScaleFactor: 1, mobile: width < 600 });
  await ask("Emulation.setEmulatedMedia", { features: [{ name: "prefers-color-scheme", value: scheme }] });
  await ask("Page.navigate", { url: page });
  await ready;
  const { result } = await ask("Runtime.evaluate", { expression: `(${look})()`, returnByValue: true });
  const found = result.value;
  expect(found, "nothing could be looked at");
  expect(found.wider <= 0, `${found.wider} px wider than the screen`);
  expect(found.sections >= 10, `${found.sections} sections`);
  expect(found.empty.length === 0, `sections without anything in them: ${found.empty}`);
  expect(found.drawings > 0, "no drawing");
  expect(width < 1000 || found.scrolled.length === 0, `tables to be scrolled sideways: ${found.scrolled}`);
  expect(found.verdict <= height, `the first verdict ends at ${found.verdict} px`);
  expect(found.spots > 0, "no point shows its values");
  expect(found.flat === 0, `${found.flat} drawings are not shown`);
  expect(found.letters >= 9, `letters of ${found.letters} px in drawings`);
  expect(found.unknown === 0, `${found.unknown} colours that do not follow light and dark`);
  (seen[scheme] ??= new Set()).add(`${found.paper} ${found.ink}`);
  if (pictures) {
    const { cssContentSize } = await ask("Page.getLayoutMetrics");
    const clip = { x: 0, y: 0, width, height: Math.min(cssContentSize.height, 16000), scale: 1 };
    const { data } = await ask("Page.captureScreenshot", { clip, captureBeyondViewport: true });
    writeFileSync(join(pictures, `report_${width}_${scheme}.png`), Buffer.from(data, "base64"));
  }
  listeners.splice(listeners.indexOf(listener), 1);
  await send("Target.closeTarget", { targetId });
  console.log(`${where}: ${found.sections} sections, ${found.drawings} drawings, letters of ${found.letters.toFixed(1)} px`);
}

try {
  for (const [width, height] of [[1280, 900], [375, 812]]) {
    for (const scheme of ["light", "dark"]) await visit(width, height, scheme);
  }
  const looks = Object.values(seen).map((set) => [...set].join());
  if (new Set(looks).size !== 2) wrong.push(`light and dark look the same: ${looks}`);
} catch (error) {
  wrong.push(error.message);
}
const closed = new Promise((done) => browser.on("close", done));
send("Browser.close").catch(() => {});
setTimeout(() => browser.kill("SIGKILL"), 10_000).unref();
await closed;
await remove(profile);
wrong.forEach((what) => console.error(`FAILED: ${what}`));
if (wrong.length === 0) console.log("the report stands by itself, light and dark, wide and narrow");
process.exit(wrong.length === 0 ? 0 : 1);
