/* global document, window, DOMParser, URLSearchParams, XMLHttpRequest, setInterval */
// The pages work without this. It keeps times right, asks whether an account has changed while somebody looks at it,
// and keeps a form from being sent twice.
'use strict';

const clockAhead = (Date.parse(document.body.dataset.now ?? '') || Date.now()) - Date.now();
const now = () => Date.now() + clockAhead;

// --- relative times, as src/web/times.ts words them

const UNITS = [
  [86_400_000, 'days', 172_800_000],
  [3_600_000, 'h', 7_200_000],
  [60_000, 'min', 120_000],
  [1_000, 's', 0],
];

function relative(at) {
  const away = Math.abs(at - now());
  if (away < 1_000) return 'now';
  const [size, name] = UNITS.find(([, , from]) => away >= from);
  const amount = `${Math.floor(away / size)} ${name}`;
  return at > now() ? `in ${amount}` : `${amount} ago`;
}

function tick() {
  for (const time of document.querySelectorAll('time[data-relative]')) {
    const text = relative(Date.parse(time.dateTime));
    if (time.textContent !== text) time.textContent = text;
  }
  for (const bar of document.querySelectorAll('progress[data-until]')) {
    bar.value = Math.max(0, Date.parse(bar.dataset.until) - now());
  }
}

setInterval(tick, 1_000);
tick();

// --- what has changed since

/** As it is but for what only the passing of time changes. */
function lasting(element) {
  const copy = element.cloneNode(true);
  copy.removeAttribute('data-tag');
  for (const time of copy.querySelectorAll('time[data-relative]')) time.textContent = '';
  for (const bar of copy.querySelectorAll('progress')) bar.removeAttribute('value');
  for (const field of copy.querySelectorAll('input[name="seq"]')) field.setAttribute('value', '');
  for (const details of copy.querySelectorAll('details')) details.removeAttribute('open');
  return copy.outerHTML;
}

/** Somebody may be in the middle of it: what is open and typed stays, and the focus comes back. */
function put(before, after) {
  if (lasting(before) === lasting(after)) {
    if (after.dataset.tag !== undefined) before.dataset.tag = after.dataset.tag;
    const seq = after.querySelector('input[name="seq"]')?.value;
    for (const field of before.querySelectorAll('input[name="seq"]')) field.value = seq;
    return;
  }
  const focused = before.contains(document.activeElement) ? document.activeElement.id : '';
  for (const details of before.querySelectorAll('details[open][id]')) {
    after.querySelector(`#${details.id}`)?.setAttribute('open', '');
  }
  for (const input of before.querySelectorAll('input[id]')) {
    const same = after.querySelector(`#${input.id}`);
    if (same) same.value = input.value;
  }
  before.replaceWith(after);
  if (focused !== '') document.getElementById(focused)?.focus();
}

const announcer = document.getElementById('announcer');

function putAll(markup, from) {
  const told = statusIn(from)?.dataset.announce;
  const fresh = new DOMParser().parseFromString(markup, 'text/html');
  for (const after of fresh.querySelectorAll('[data-live]')) {
    const before = from.querySelector(`[data-live="${after.dataset.live}"]`);
    if (before) put(before, document.importNode(after, true));
  }
  tick();
  const text = statusIn(from)?.dataset.announce ?? '';
  if (announcer && text !== told) announcer.textContent = text;
}

const statusIn = (from) => from.querySelector('[data-live="status"]');

async function look(from) {
  const url = new URL(from.dataset.liveFrom, window.location.href);
  url.searchParams.set('tag', statusIn(from)?.dataset.tag ?? '');
  const before = new URLSearchParams(window.location.search).get('before');
  if (before !== null) url.searchParams.set('before', before);
  const answer = await fetch(url, { headers: { 'x-requested-with': 'fetch' } });
  if (answer.status === 401) window.location.reload();
  if (answer.status === 200) putAll(await answer.text(), from);
}

const PATIENCE_MS = 15_000;

/** Not while nobody looks, and less often while the service does not answer. */
function watch(from) {
  let failures = 0;
  const again = () => {
    const everyMs = Number(statusIn(from)?.dataset.every ?? 4_000);
    window.setTimeout(once, Math.min(PATIENCE_MS, everyMs * 2 ** failures));
  };
  const once = async () => {
    if (document.hidden) {
      document.addEventListener('visibilitychange', once, { once: true });
      return;
    }
    try {
      await look(from);
      failures = 0;
    } catch {
      failures += 1;
    }
    again();
  };
  again();
}

const live = document.querySelector('[data-live-from]');
if (live) watch(live);

// --- forms

document.addEventListener('submit', (event) => {
  const button = event.submitter;
  if (!button || event.target.method !== 'post') return;
  if (button.getAttribute('aria-disabled') === 'true') event.preventDefault();
  button.setAttribute('aria-disabled', 'true');
});

/** The file goes as it is, with its progress; the answer is a part of the page. */
function sendFile(form, file) {
  const button = form.querySelector('button');
  const progress = form.querySelector('progress');
  const report = document.getElementById('import-report');
  const show = (part) => {
    report.replaceChildren(part);
    progress.hidden = true;
    button.removeAttribute('aria-disabled');
    report.focus();
  };
  const stopped = (text) => {
    const part = document.createElement('p');
    part.className = 'message bad';
    part.setAttribute('role', 'alert');
    part.textContent = text;
    show(part);
  };
  const request = new XMLHttpRequest();
  request.open('POST', form.action);
  request.setRequestHeader('content-type', `text/csv; charset=${form.elements.encoding.value}`);
  request.setRequestHeader('x-form-token', form.elements.formToken.value);
  request.upload.addEventListener('progress', ({ loaded, total }) => {
    progress.value = loaded / total;
    if (announcer) announcer.textContent = loaded === total ? 'The file is sent and being imported.' : '';
    // Sent whole, it is still being imported: nobody knows how long.
    if (loaded === total) progress.removeAttribute('value');
  });
  request.addEventListener('load', () => {
    // The page of another problem has none: the whole of it would not fit in here.
    const part = new DOMParser().parseFromString(request.responseText, 'text/html').querySelector('[data-report]');
    if (part) show(document.importNode(part, true));
    else stopped('The import stopped early. Import the file again to continue.');
  });
  request.addEventListener('error', () => stopped('The service did not answer. Import the file again to continue.'));
  progress.hidden = false;
  request.send(file);
}

document.addEventListener('submit', (event) => {
  const file = event.target.querySelector('input[type="file"]')?.files[0];
  if (event.target.dataset.import === undefined || !file) return;
  event.preventDefault();
  sendFile(event.target, file);
});

// A page that comes back from the browser's memory has sent nothing yet.
window.addEventListener('pageshow', () => {
  for (const button of document.querySelectorAll('button[aria-disabled]')) button.removeAttribute('aria-disabled');
});

document.querySelector('[data-focus]')?.focus();
