/** What a browser shows while a tenant that slept wakes up. It follows the steps, and goes on to the dashboard by itself. */
import type { Settings } from "../bindings";
import { ERRORS, RETRY_AFTER_S } from "../errors";
import { STEPS, type Step } from "../schemas/runs";
import type { Waking } from "../tenant/sleep";
import { pageOf, portalAddress } from "./page_shell";

/** Where the page asks how far it is. */
export const WAKING_PATH = "/waking";

type WakeStep = (typeof STEPS.wake)[number];

const WORDS: Record<WakeStep, [title: string, note: string]> = {
  indexer: ["Indexer", "Takes its alerts out of the journal"],
  manager: ["Manager", "Gets its agents back"],
  dashboard: ["Dashboard", "Opens here as soon as it serves"],
  verify: ["Verify", "An alert goes in and comes out again"],
};

const STATE_WORDS: Record<Step["state"], string> = {
  pending: "queued",
  running: "starting",
  succeeded: "ready",
  failed: "failed",
};

const STYLE = `
ol{list-style:none;margin:1.5rem 0 0;padding:0}
li{position:relative;display:grid;grid-template-columns:1.25rem 1fr auto;column-gap:.75rem;padding-bottom:1.1rem}
li::before{content:"";position:absolute;top:1.6rem;bottom:.1rem;left:.594rem;border-left:1px dashed var(--strong)}
li.succeeded::before{border-left-style:solid}li:last-child{padding-bottom:0}li:last-child::before{display:none}
li svg{margin-top:.15rem;color:var(--soft)}li .on,li .ok{display:none}
li.running .on,li.succeeded .ok{display:block}li.running .off,li.succeeded .off{display:none}
li.running svg{color:var(--working);animation:turn 1.2s linear infinite}li.succeeded svg{color:var(--ok)}
b{font-weight:500}li.pending b{font-weight:400;color:var(--soft)}li.running b,li.running .word{color:var(--working);font-weight:500}
li .soft{display:block}.word,time{font-size:.8125rem;color:var(--soft);font-variant-numeric:tabular-nums}
.foot{display:flex;flex-wrap:wrap;justify-content:space-between;gap:.25rem 1rem;margin:1.5rem -1.75rem -1.75rem;padding:.85rem 1.75rem;
border-top:1px solid var(--line);font-size:.8125rem;color:var(--soft)}.foot a{color:var(--act)}
.unseen{position:absolute;clip-path:inset(50%)}
@keyframes turn{to{transform:rotate(1turn)}}`;

const ICONS = `<svg class="ok" viewBox="0 0 24 24"><circle cx="12" cy="12" r="10"/><path d="m16 9-5.5 5.5L8 12"/></svg><svg class="on" viewBox="0 0 24 24"><path d="M21 12a9 9 0 1 1-6.219-8.56"/></svg><svg class="off" viewBox="0 0 24 24"><circle cx="12" cy="12" r="10" stroke-dasharray="4.2 3.65"/></svg>`;

/** Asks once a second; a hidden page asks as well, so that the dashboard is there when somebody comes back to it. */
const SCRIPT = `
const words = ${JSON.stringify(STATE_WORDS)}, clock = document.querySelector("time"), said = document.querySelector("[role=status]");
let began = Date.now() - 1000 * Number(clock.dataset.seconds);
const tick = () => { const s = Math.round((Date.now() - began) / 1000);
  clock.textContent = Math.floor(s / 60) + ":" + String(s % 60).padStart(2, "0"); };
const show = ({ name, state }) => { const row = document.getElementById(name);
  if (!row || row.className === state) return;
  row.className = state; row.querySelector(".word").textContent = words[state];
  if (state !== "pending") said.textContent = row.querySelector("b").textContent + " " + words[state]; };
const look = async () => {
  try {
    const answer = await fetch("${WAKING_PATH}", { headers: { accept: "application/json" }, cache: "no-store" });
    if (answer.status < 500) {
      const waking = answer.ok ? await answer.json() : { state: "awake", steps: [] };
      if (waking.state === "awake") return location.reload();
      began = Date.now() - 1000 * waking.seconds;
      waking.steps.forEach(show);
    }
  } catch { /* The network may come back: asked again. */ }
  setTimeout(look, 1000);
};
setInterval(tick, 1000); tick(); setTimeout(look, 500);`;

/**
 * @param tenant the tenant's id
 * @param waking how far it is
 */
export function waitingPage(settings: Settings, tenant: string, waking: Waking): Response {
  const title = "Your Wazuh is waking up";
  const rows = STEPS.wake.map((name) => rowOf(name, waking.steps.find((step) => step.name === name)?.state));
  const body = `<h1>${title}</h1>
<p class="soft">It slept while nobody used it. Alerts and settings are kept. This page opens the dashboard by itself.</p>
<ol>${rows.join("")}</ol><span role="status" class="unseen"></span>
<div class="foot"><span>Waking for <time data-seconds="${waking.seconds}">a moment</time></span><a href="${portalAddress(settings, tenant)}">Follow it in the portal</a></div>`;
  const { status } = ERRORS.TENANT_ASLEEP;
  const shown = { title, body, style: STYLE, script: SCRIPT };
  return pageOf(settings, { status, ...shown, retryAfter: RETRY_AFTER_S, refresh: RETRY_AFTER_S });
}

function rowOf(name: WakeStep, state: Step["state"] = "pending"): string {
  const [title, note] = WORDS[name];
  return `<li id="${name}" class="${state}"><span aria-hidden="true">${ICONS}</span><span><b>${title}</b><span class="soft">${note}</span></span><span class="word">${STATE_WORDS[state]}</span></li>`;
}
