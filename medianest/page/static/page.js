// The page keeps itself up to date, and counts seconds.
"use strict";

const EVERY = 2000, PATIENCE = 8000;
const main = document.querySelector("main[data-live]");
const lost = document.getElementById("lost");
let ahead = Number(document.body.dataset.now || Date.now()) - Date.now();
let tag = document.body.dataset.tag || "", timer = 0, lostAt = null;

// Times: how long ago, in how long, for how long, or when.
function lasting(seconds) {
  for (const [size, unit] of [[86400, "d"], [3600, "h"], [60, "min"]])
    if (seconds >= 1.5 * size) return `${Math.round(seconds / size)} ${unit}`;
  return `${Math.max(0, Math.round(seconds))} s`;
}
const WORDS = {
  ago: (age) => (age < 1 ? "just now" : `${lasting(age)} ago`),
  in: (age) => (age < -0.5 ? `in ${lasting(-age)}` : "now"),
  for: (age) => lasting(age),
  at: (age, at) => (Math.abs(age) < 43200 ? at.toLocaleTimeString() : at.toLocaleString()),
};
function tellTimes() {
  const now = Date.now() + ahead;
  for (const time of document.querySelectorAll("time[datetime]")) {
    const at = new Date(time.dateTime), how = Object.keys(WORDS).find((word) => word in time.dataset);
    if (!how || isNaN(at)) continue;
    const text = WORDS[how]((now - at) / 1000, at);
    if (time.textContent !== text) time.textContent = text;
    time.title ||= at.toLocaleString();
  }
}

// What somebody is about to do stays: opened details, forms with words in them.
const isTouched = (form) => form.dataset.touched !== undefined || form.contains(document.activeElement);
const callbacks = {
  beforeNodeMorphed: (old) => !(old.nodeName === "FORM" && isTouched(old)),
  beforeAttributeUpdated: (name, node) => !(name === "open" && node.nodeName === "DETAILS"),
  beforeNodeRemoved: (old) =>
    !(old.nodeType === 1 && [...old.querySelectorAll("form"), old].some((each) => each.nodeName === "FORM" && isTouched(each))),
};
function show(html) {
  Idiomorph.morph(main, html, { morphStyle: "innerHTML", ignoreActiveValue: true, callbacks });
  tellTimes();
  tellTab();
}
function tellTab() {
  const verdict = document.querySelector("[data-title]");
  if (!verdict) return;
  document.title = `${verdict.dataset.title} · ${document.querySelector(".brand").textContent}`;
  const icon = document.querySelector("link[rel=icon]");
  const href = icon.href.replace(/icon-\w+/, `icon-${verdict.dataset.look}`);
  if (icon.href !== href) icon.href = href;
}

function tellLost(isLost) {
  lostAt = isLost ? lostAt || Date.now() + ahead : null;
  lost.hidden = !isLost;
  if (!isLost) return;
  const time = lost.querySelector("time");
  time.dateTime = new Date(lostAt).toISOString();
  time.dataset.ago = "";
  tellTimes();
}
async function look() {
  clearTimeout(timer);
  const url = new URL(location.href);
  url.searchParams.set("fragment", "");
  try {
    const answer = await fetch(url, {
      headers: tag ? { "If-None-Match": tag } : {}, cache: "no-store", redirect: "error",
      signal: AbortSignal.timeout(PATIENCE),
    });
    if (answer.status === 401) return location.reload();
    if (answer.status !== 304 && !answer.ok) throw new Error(answer.status);
    const date = Date.parse(answer.headers.get("Date"));
    // The header has whole seconds: what is nearer than that is left as it is.
    if (Math.abs(date - Date.now() - ahead) > 1500) ahead = date + 500 - Date.now();
    if (answer.status === 200) {
      if (answer.headers.get("X-Answered-By") !== "MediaNest") throw new Error("somebody else answers");
      const html = await answer.text();
      tag = answer.headers.get("ETag");
      show(html);
    }
    tellLost(false);
  } catch (error) {
    tellLost(true);
  }
  if (!document.hidden) timer = setTimeout(look, EVERY);
}

// Who signs in: what forms.js proves it with later is stored here.
function logIn() {
  const form = document.getElementById("login"), begun = document.getElementById("begun");
  if (begun) {
    store(proofKey(), begun.dataset.proof);
    location.replace(begun.dataset.next);
  }
  if (!form) return;
  const [, code] = location.hash.match(/^#([\w-]+\.[0-9a-f]+\.[\w-]+)$/) || [];
  if (code) {
    form.elements.token.value = code;
    history.replaceState(null, "", location.pathname + location.search);
    form.requestSubmit();
  }
}

logIn();
document.querySelector("nav [aria-current]")?.scrollIntoView({ block: "nearest", inline: "center" });
if (location.search.includes("notice=")) {
  const url = new URL(location.href);
  url.searchParams.delete("notice");
  history.replaceState(null, "", url);
}
tellTimes();
tellTab();
setInterval(tellTimes, 1000);
if (main) {
  if (!document.hidden) timer = setTimeout(look, EVERY);
  document.addEventListener("visibilitychange", () => (document.hidden ? clearTimeout(timer) : look()));
}
