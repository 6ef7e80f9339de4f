"use strict";
// In the page, before its forms: what is typed and sent before page.js has come is right as well.

// Several servers may be below paths of one name, and share its storage.
function proofKey() {
  return `medianest-proof${document.querySelector(".brand a").pathname.replace(/\/$/, "")}`;
}
function store(name, value) {
  try { localStorage.setItem(name, value); } catch { /* a browser that keeps nothing: it may look */ }
}
function stored(name) {
  try { return localStorage.getItem(name) || ""; } catch { return ""; }
}
function add(form, name, value) {
  const input = form.elements[name] || form.appendChild(Object.assign(document.createElement("input"), { type: "hidden", name }));
  input.value = value;
}
// What proves that a form comes from here, and that a script runs.
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.id === "login") add(form, "script", "1");
  if (form.method === "post" && form.elements.proof?.dataset.given === undefined) add(form, "proof", stored(proofKey()));
});
// What somebody has typed stays while the page keeps itself up to date.
document.addEventListener("input", (event) => { if (event.target.form) event.target.form.dataset.touched = ""; });
// What keeps the page up to date comes when it has been painted, which is not before the second
// frame: to wait for it took a third of the time until then.
function fetchScript(src) {
  const script = Object.assign(document.createElement("script"), { src, async: false });
  script.onerror = () => {
    script.remove();
    document.getElementById("lost").hidden = false;
    setTimeout(fetchScript, 2000, src);
  };
  document.head.append(script);
}
const { then } = document.currentScript.dataset;
if (then) document.addEventListener("DOMContentLoaded", () =>
  requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(() => then.split(" ").forEach((src) => fetchScript(src))))));
