// What the portal's pages do beyond links, forms and htmx. Reading needs none of it.
"use strict";

const SECOND = 1000;
const on = (type, selector, act) =>
  document.addEventListener(type, (event) => {
    const element = event.target.closest?.(selector);
    if (element) act(element, event);
  });

/* Copy: data-copy="#id" copies that element's text, data-copy-text its own value. The button answers in its own words. */
async function copy(button) {
  const text = button.dataset.copyText ?? document.querySelector(button.dataset.copy)?.textContent.trim() ?? "";
  const label = button.querySelector("[data-label]");
  const said = label?.textContent;
  let answer = "Copied";
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    answer = "Copy by hand";
  }
  announce(answer);
  button.dataset.copied = "";
  if (label) label.textContent = answer;
  setTimeout(() => {
    delete button.dataset.copied;
    if (label) label.textContent = said;
  }, 2 * SECOND);
}
on("click", "[data-copy], [data-copy-text]", (button) => copy(button));

function announce(words) {
  const region = document.getElementById("announcer");
  if (region) region.textContent = words;
}

/* Times: data-since counts up in mm:ss, data-ago and data-until are said in words again as time goes by. */
const UNITS = [[86400, "day"], [3600, "h"], [60, "min"], [1, "s"]];
function inWords(seconds) {
  const [size, unit] = UNITS.find(([size]) => seconds >= size) ?? UNITS.at(-1);
  const count = Math.floor(seconds / size);
  return `${count} ${unit}${unit === "day" && count !== 1 ? "s" : ""}`;
}
function rounded(seconds) {
  const size = UNITS.find(([size]) => seconds >= size)?.[0] ?? 1;
  return Math.round(seconds / size) * size;
}
const clock = (seconds) => {
  const minutes = `${String(Math.floor(seconds / 60) % 60).padStart(2, "0")}:${String(seconds % 60).padStart(2, "0")}`;
  return seconds < 3600 ? minutes : `${Math.floor(seconds / 3600)}:${minutes}`;
};
const WORDS = {
  since: clock,
  ago: (seconds) => (seconds < 2 ? "now" : `${inWords(seconds)} ago`),
  until: (seconds) => (seconds >= 0 ? "ended" : `in ${inWords(rounded(-seconds))}`),
};
function tick() {
  for (const [kind, words] of Object.entries(WORDS)) {
    for (const element of document.querySelectorAll(`time[data-${kind}]`)) {
      const seconds = Math.floor((Date.now() + skew - Date.parse(element.dateTime)) / SECOND);
      const said = words(kind === "until" ? seconds : Math.max(0, seconds));
      if (element.textContent !== said) element.textContent = said;
    }
  }
}
// The server's clock counts: a machine whose clock is off would show negative ages.
const skew = Date.parse(document.documentElement.dataset.now ?? "") - Date.now() || 0;
setInterval(tick, SECOND);

/* Theme: the form works alone (controlplane/appearance.py sets the same cookie); here the page changes at once. */
on("submit", "[data-theme-form]", (form, event) => {
  event.preventDefault();
  const choice = event.submitter.value;
  const theme = { light: "portal", dark: "portal-dark" }[choice];
  if (theme) document.documentElement.dataset.theme = theme;
  else delete document.documentElement.dataset.theme;
  for (const button of form.querySelectorAll("button")) button.ariaPressed = String(button.value === choice);
  form.closest("[popover]")?.hidePopover();
  const secure = location.protocol === "https:" ? "; secure" : "";
  document.cookie = `theme=${choice}; path=/; max-age=${theme ? 31536000 : 0}; samesite=lax${secure}`;
});

/* The dashboard's form posts itself; its button stays for the case that this does not run. */
document.querySelector("form[data-autopost]")?.requestSubmit();

/* Toasts go by their button; good news goes by itself, bad news stays. */
on("click", "[data-dismiss]", (button) => button.closest("[data-toast]")?.remove());
function letGo(root) {
  for (const toast of root.querySelectorAll("[data-toast=ok]:not([data-timed])")) {
    toast.dataset.timed = "";
    setTimeout(() => toast.matches(":hover, :focus-within") || toast.remove(), 8 * SECOND);
  }
}
letGo(document);

/* Lists that narrow while typing. */
on("input", "[data-filter]", (field) => {
  const wanted = field.value.toLowerCase().split(" ").filter(Boolean);
  for (const row of document.querySelectorAll(`${field.dataset.filter} [data-name]`)) {
    const name = row.dataset.name.toLowerCase();
    row.hidden = !wanted.every((word) => name.includes(word));
  }
});

/* Search and actions: Ctrl-K or ⌘K opens them, arrows walk through what is there, Enter opens the first. */
document.addEventListener("keydown", (event) => {
  const palette = document.getElementById("palette");
  if (!palette) return;
  if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "k") {
    event.preventDefault();
    palette.togglePopover();
  } else if (["ArrowDown", "ArrowUp"].includes(event.key) && palette.matches(":popover-open")) {
    event.preventDefault();
    const stops = [palette.querySelector("input"), ...palette.querySelectorAll("a:not([hidden])")];
    const step = event.key === "ArrowDown" ? 1 : -1;
    stops[(stops.indexOf(document.activeElement) + step + stops.length) % stops.length].focus();
  }
});

on("submit", "#palette form", (form, event) => {
  const first = form.parentElement.querySelector("a:not([hidden])");
  if (!first) return;
  event.preventDefault();
  first.click();
});

/* Polling: a paused or hidden page asks nothing, and a lost connection is said. */
on("click", "[data-pause]", (button) => {
  const target = document.querySelector(button.dataset.pause);
  const paused = target.toggleAttribute("data-paused");
  button.ariaPressed = String(paused);
  button.querySelector("[data-label]").textContent = paused ? "Resume" : "Pause";
});
const isPoll = (element) => element?.getAttribute?.("hx-trigger")?.includes("every");
const lost = (is) => document.documentElement.toggleAttribute("data-offline", is);
document.addEventListener("htmx:before:request", (event) => {
  const poll = event.target;
  // What somebody is reading or filling in must not change under their hands.
  const busy = () => document.hidden || poll.closest("[data-paused]") || poll.querySelector(":popover-open, input:focus");
  if (isPoll(poll) && busy()) event.preventDefault();
});
document.addEventListener("htmx:error", (event) => isPoll(event.target) && lost(true));
document.addEventListener("htmx:after:request", (event) => isPoll(event.target) && lost(event.detail.ctx.response.status >= 500));
document.addEventListener("htmx:after:swap", () => {
  tick();
  letGo(document);
});

/* Passkeys: a form with data-passkey asks the browser for one, and is sent with the answer in its field `credential`.
   Where it has several buttons, data-passkey-when names the value of the one that means a passkey. */
on("submit", "[data-passkey]", async (form, event) => {
  const { passkey: address, passkeyWhen: when, passkeyMaking: making } = form.dataset;
  if (when && event.submitter?.value !== when) return;
  event.preventDefault();
  const said = form.querySelector("[data-passkey-said]");
  said.classList.replace("flex", "hidden");
  try {
    const answer = await fetch(address, { method: "POST", body: new FormData(form) });
    if (!answer.ok) throw new Error(answer.status === 429 ? "Too many tries. Wait a while." : "Reload the page and try again.");
    const { publicKey } = await answer.json();
    const credential = making === undefined
      ? await navigator.credentials.get({ publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(publicKey) })
      : await navigator.credentials.create({ publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(publicKey) });
    form.elements.credential.value = JSON.stringify(credential.toJSON());
    form.submit();
  } catch (error) {
    const known = { NotAllowedError: "Nothing was confirmed. Try again.", InvalidStateError: "This device has a passkey here already." };
    said.textContent = known[error.name] ?? error.message;
    said.classList.replace("hidden", "flex");
  }
});
