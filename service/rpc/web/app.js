// SPDX-License-Identifier: Apache-2.0
// The page: a file goes in, its pages come back one by one, each as a picture with boxes beside its text. All state is in
// `current`; a block is lit up on both sides by its id.
import { parse, bytesOf, Problem } from './upload.js';
import { pageOf } from './sanitise.js';
import { sheetOf, about, groupOf, nameOf, shown } from './sheet.js';

const $ = id => document.getElementById(id);
const FORMATS = ['html', 'md', 'json', 'text', 'xlsx', 'hocr', 'alto'];
const TABS = ['text', 'md', 'json'];
const SHOWN_MAX = 2e6; // characters of Markdown or JSON that are put into the page; the download has all
const RETRIES = 30;
const ZOOM = [0.5, 0.67, 0.8, 1, 1.25, 1.5, 2, 3];

let info = { max_bytes: 64 << 20, formats: [], token: false };
let current = null; // the document that is shown or on its way
let token = sessionStorage.getItem('token') ?? '';
let zoom = 1;

// ---- small things ----

function say(text) { $('status').textContent = text; }

function toast(text) {
  const box = $('toast');
  box.textContent = text;
  box.classList.add('up');
  clearTimeout(toast.timer);
  toast.timer = setTimeout(() => box.classList.remove('up'), 2500);
}

const seconds = ms => ms < 9950 ? (ms / 1000).toFixed(1) + ' s' : Math.round(ms / 1000) + ' s';
const bytes = n => n < 1024 ? n + ' B' : n < 1048576 ? (n / 1024).toFixed(n < 10240 ? 1 : 0) + ' KB' : (n / 1048576).toFixed(n < 10485760 ? 1 : 0) + ' MB';
const plural = (n, word) => n + ' ' + word + (n === 1 ? '' : 's');
const wait = (ms, signal) => new Promise((resolve, reject) => {
  const timer = setTimeout(resolve, ms);
  signal.addEventListener('abort', () => { clearTimeout(timer); reject(new DOMException('', 'AbortError')); }, { once: true });
});

function ask(title, text, label) {
  $('ask-title').textContent = title;
  $('ask-text').textContent = text;
  $('ask-label').textContent = label;
  $('ask-value').value = '';
  const dialog = $('ask');
  dialog.returnValue = '';
  dialog.showModal();
  return new Promise(resolve => dialog.addEventListener('close', () => resolve(dialog.returnValue === 'ok' ? $('ask-value').value : null), { once: true }));
}

function state(name) {
  document.body.dataset.state = name;
  $('cancel').hidden = name !== 'busy';
  $('progress').hidden = name !== 'busy';
}

// ---- a document's life ----

function newDocument(file) {
  return { file, pages: [], blocks: new Map(), parts: {}, binary: {}, missing: {}, sheets: [], total: 0, selected: '', page: 1,
           abort: new AbortController(), begun: performance.now(), password: '' };
}

function clear() {
  for (const sheet of current?.sheets ?? []) sheet.free();
  for (const id of ['sheets', 'panel-text', 'legend', 'formats']) $(id).replaceChildren();
  for (const id of ['panel-md', 'panel-json']) $(id).firstElementChild.textContent = '';
  $('problem').hidden = true;
  $('size').textContent = '';
  hideTip();
}

function showProblem(problem) {
  clear();
  $('problem-title').textContent = problem.status === 429 ? 'The server is busy' : 'This did not work';
  $('problem-text').textContent = problem.message;
  $('problem-advice').textContent = problem.advice ? problem.advice[0].toUpperCase() + problem.advice.slice(1) + '.' : '';
  $('problem-code').textContent = problem.reason ?? '';
  $('problem').hidden = false;
  say('');
  state('error');
}

async function open(file) {
  if (!file) return;
  current?.abort.abort();
  clear();
  const document_ = current = newDocument(file);
  $('name').textContent = file.name || 'pasted picture';
  document.title = (file.name || 'pasted picture') + ' · docparse';
  $('progress').removeAttribute('value');
  say('Sending ' + bytes(file.size));
  state('busy');
  try {
    if (file.size > info.max_bytes)
      throw new Problem({ reason: 'LIMIT', message: 'The file has ' + bytes(file.size) + ', this page takes ' + bytes(info.max_bytes) + '.', advice: 'use docparse convert or docparse call for it' });
    await read(document_);
  } catch (error) {
    if (document_ !== current) return;
    if (error.name === 'AbortError') {
      current = null;
      clear();
      $('name').textContent = '';
      document.title = 'docparse';
      say('');
      state('empty');
    } else {
      showProblem(error instanceof Problem ? error : new Problem({ reason: 'PAGE', message: String(error) }));
      if (!(error instanceof Problem)) console.error(error);
    }
  }
}

/** Sends the document, again when it needs a token, a password, or the server another moment. */
async function read(d) {
  for (let tries = 0; ; tries++) {
    const fields = { pages: $('pages').value.trim(), text_layer: $('text-layer').value, password: d.password,
                     formats: FORMATS.concat($('with-pdf').checked ? ['pdf'] : []).join(',') };
    try {
      for await (const event of parse(d.file, fields, token, d.abort.signal)) if (d === current) take(d, event);
      return;
    } catch (error) {
      if (!(error instanceof Problem) || d !== current) throw error;
      if (error.status === 401) {
        const given = await ask('A token is needed', 'This server answers known callers only.', 'Bearer token');
        if (given === null) throw error;
        token = given.trim();
        sessionStorage.setItem('token', token);
      } else if (error.reason === 'PASSWORD') {
        const given = await ask('The document is locked', d.password ? 'That password did not open it.' : 'It is encrypted.', 'Password');
        if (given === null) throw error;
        d.password = given;
      } else if (error.retryMs >= 0 && error.status === 429 && tries < RETRIES) {
        for (let left = Math.max(1000, error.retryMs); left > 0; left -= 1000) {
          say('The server is busy: again in ' + Math.ceil(left / 1000) + ' s');
          await wait(Math.min(left, 1000), d.abort.signal);
        }
      } else {
        throw error;
      }
    }
  }
}

function take(d, event) {
  for (const [name, text] of Object.entries(event.parts ?? {})) (d.parts[name] ??= []).push(text);
  if (event.event === 'waiting') {
    say('Waiting, place ' + event.place + ' in the queue');
  } else if (event.event === 'opened') {
    d.total = event.pages;
    d.head = event.document;
    say('Reading ' + plural(d.total, 'page'));
    $('progress').value = 0;
  } else if (event.event === 'page') {
    addPage(d, event);
  } else if (event.event === 'working' && event.pages > 0) {
    say('Page ' + Math.min(event.pages_done + 1, event.pages) + ' of ' + event.pages + ' · ' + seconds(performance.now() - d.begun));
  } else if (event.event === 'finished') {
    d.binary = event.binary;
    d.missing = event.missing;
    finish(d, event);
  }
}

function addPage(d, event) {
  const page = event.page;
  if (d.pages.length === 0) document.body.dataset.shown = '';
  d.pages.push(page);
  const sheet = sheetOf(page, event.picture);
  d.sheets.push(sheet);
  $('sheets').append(sheet.element);
  seen.observe(sheet.element);
  $('panel-text').append(pageOf(event.parts.html ?? ''));
  shown(page).forEach((block, i) => d.blocks.set(block.id, { block, page, number: i + 1 }));
  $('progress').value = d.pages.length / Math.max(1, d.total);
  say(d.pages.length < d.total ? 'Page ' + (d.pages.length + 1) + ' of ' + d.total : 'Finishing');
  legend(d);
  turnTo(d.page, false);
  fillTab();
}

function finish(d, event) {
  const tables = d.pages.reduce((n, p) => n + p.blocks.filter(b => b.type === 'table').length, 0);
  const words = [plural(event.pages_ok + event.pages_failed, 'page')];
  if (tables) words.push(plural(tables, 'table'));
  if (event.pages_failed) words.push(event.pages_failed + ' not readable');
  else if (event.status === 'partial') words.push('incomplete');
  words.push(seconds(performance.now() - d.begun));
  say(words.join(' · '));
  state('done');
  downloads(d);
  fillTab();
}

// ---- the two sides ----

function legend(d) {
  const counts = new Map();
  for (const { block } of d.blocks.values()) counts.set(block.type, (counts.get(block.type) ?? 0) + 1);
  const off = new Set([...$('legend').querySelectorAll('[aria-pressed=false]')].map(b => b.dataset.type));
  $('legend').replaceChildren(...[...counts].sort((a, b) => b[1] - a[1]).map(([type, n]) => {
    const item = document.createElement('li');
    const button = document.createElement('button');
    button.dataset.type = type;
    button.dataset.group = groupOf(type);
    button.setAttribute('aria-pressed', String(!off.has(type)));
    button.append(nameOf(type) + ' ');
    const count = document.createElement('small');
    count.textContent = n;
    button.append(count);
    item.append(button);
    return item;
  }));
  applyLegend();
}

function applyLegend() {
  const off = new Set([...$('legend').querySelectorAll('[aria-pressed=false]')].map(b => b.dataset.type));
  for (const box of $('sheets').querySelectorAll('.box')) box.classList.toggle('off', off.has(box.dataset.type));
}

const boxFor = id => $('sheets').querySelector('.box[data-for="' + CSS.escape(id) + '"]');
const textFor = id => $('panel-text').querySelector('[data-block="' + CSS.escape(id) + '"]');

function light(id, on) {
  boxFor(id)?.classList.toggle('hot', on);
  textFor(id)?.classList.toggle('hot', on);
}

/** Scrolls inside the pane only, so that the page itself stays where it is. */
function bring(pane, element) {
  if (!element) return;
  const outer = pane.getBoundingClientRect(), inner = element.getBoundingClientRect();
  if (inner.top >= outer.top + 8 && inner.bottom <= outer.bottom - 8) return;
  pane.scrollTo({ top: pane.scrollTop + inner.top - outer.top - Math.max(16, (outer.height - inner.height) / 3), behavior: 'smooth' });
}

function select(id) {
  if (!current) return;
  for (const old of document.querySelectorAll('.chosen')) old.classList.remove('chosen');
  current.selected = id;
  if (!id) return;
  for (const element of [boxFor(id), textFor(id)]) element?.classList.add('chosen');
  bring($('sheets'), boxFor(id));
  bring($('panel-text'), textFor(id));
  const known = current.blocks.get(id);
  if (known) showPageNumber(known.page.number);
}

function step(by) {
  const ids = [...(current?.blocks.keys() ?? [])];
  if (!ids.length) return;
  const at = ids.indexOf(current.selected);
  select(ids[at < 0 ? (by > 0 ? 0 : ids.length - 1) : Math.min(ids.length - 1, Math.max(0, at + by))]);
}

function showPageNumber(number) {
  const index = current.pages.findIndex(p => p.number === number);
  current.page = number;
  $('page-number').textContent = number + ' / ' + Math.max(current.total, current.pages.length);
  $('previous').disabled = index <= 0;
  $('next').disabled = index < 0 || index >= current.pages.length - 1;
}

function turnTo(number, scroll = true) {
  const page = current.pages.find(p => p.number === number) ?? current.pages[0];
  if (!page) return;
  showPageNumber(page.number);
  if (!scroll) return;
  const sheet = $('sheets').querySelector('[data-page="' + page.number + '"]');
  $('sheets').scrollTo({ top: sheet.offsetTop - $('sheets').offsetTop - 12, behavior: 'smooth' });
  const section = textFor('page-' + page.number);
  if (section) $('panel-text').scrollTo({ top: section.offsetTop - $('panel-text').offsetTop, behavior: 'smooth' });
}

function turn(by) {
  if (!current) return;
  const at = current.pages.findIndex(p => p.number === current.page);
  const next = current.pages[at + by];
  if (next) turnTo(next.number);
}

const seen = new IntersectionObserver(entries => {
  for (const e of entries) if (e.isIntersecting && current) showPageNumber(Number(e.target.dataset.page));
}, { root: $('sheets'), rootMargin: '-45% 0px -45% 0px' });

function setZoom(value) {
  zoom = value;
  $('sheets').style.setProperty('--zoom', zoom);
}

function zoomBy(by) {
  const at = ZOOM.findIndex(z => z >= zoom);
  setZoom(ZOOM[Math.min(ZOOM.length - 1, Math.max(0, at + by))]);
}

// ---- the tip ----

function showTip(box) {
  const known = current?.blocks.get(box.dataset.for);
  if (!known) return;
  const tip = $('tip');
  tip.replaceChildren(about(known.block, known.number));
  tip.hidden = false;
  const at = box.getBoundingClientRect(), size = tip.getBoundingClientRect();
  const left = Math.min(Math.max(8, at.left), innerWidth - size.width - 8);
  const above = at.top - size.height - 8;
  tip.style.left = left + 'px';
  tip.style.top = (above > 8 ? above : Math.min(at.bottom + 8, innerHeight - size.height - 8)) + 'px';
}

function hideTip() { $('tip').hidden = true; }

// ---- the result as text ----

const whole = (d, name) => (d.parts[name] ?? []).join('');
const activeTab = () => TABS.find(t => $('tab-' + t).getAttribute('aria-selected') === 'true');

function pretty(d) {
  if (document.body.dataset.state !== 'done') return JSON.stringify({ ...d.head, pages: d.pages }, null, 2);
  const text = whole(d, 'json');
  return text.length > 4 * SHOWN_MAX ? text : JSON.stringify(JSON.parse(text), null, 2);
}

function fillTab() {
  const tab = activeTab();
  if (!current || tab === 'text') {
    $('size').textContent = '';
    return;
  }
  const text = tab === 'md' ? whole(current, 'md') : pretty(current);
  const cut = text.length > SHOWN_MAX;
  $('panel-' + tab).firstElementChild.textContent = cut ? text.slice(0, SHOWN_MAX) + '\n…' : text;
  $('size').textContent = bytes(new Blob([text]).size) + (cut ? ', beginning shown' : '');
}

function showTab(tab, focus = false) {
  for (const t of TABS) {
    $('tab-' + t).setAttribute('aria-selected', String(t === tab));
    $('tab-' + t).tabIndex = t === tab ? 0 : -1;
    $('panel-' + t).hidden = t !== tab;
  }
  if (focus) $('tab-' + tab).focus();
  view(tab);
  fillTab();
}

/** On narrow screens one thing at a time: the pages are one more tab. */
function view(name) {
  document.body.dataset.view = name;
  for (const b of $('views').children) b.setAttribute('aria-pressed', String(b.dataset.view === name));
}

function save(name, blob) {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60000);
}

function downloads(d) {
  const stem = (d.file.name || 'pasted').replace(/\.[^.]*$/, '') || 'document';
  const items = [];
  for (const format of info.formats) {
    const text = d.parts[format.name], data = d.binary[format.name], missing = d.missing[format.name];
    if (!text && !data && !missing) continue;
    const blob = missing ? null : new Blob(text ?? [bytesOf(data)], { type: format.media_type });
    const item = document.createElement('li');
    const button = document.createElement('button');
    button.setAttribute('role', 'menuitem');
    button.disabled = !blob;
    const name = document.createElement('b'), what = document.createElement('span'), size = document.createElement('small');
    name.textContent = format.extension;
    what.textContent = missing ?? format.summary;
    size.textContent = blob ? bytes(blob.size) : '';
    button.append(name, what, size);
    if (blob) button.addEventListener('click', () => { save(stem + format.extension, blob); menu(false); });
    item.append(button);
    items.push(item);
  }
  $('formats').replaceChildren(...items);
}

function menu(open_) {
  $('formats').hidden = !open_;
  $('download').setAttribute('aria-expanded', String(open_));
  if (open_) $('formats').querySelector('button:enabled')?.focus();
}

async function copy() {
  if (!current) return;
  const tab = activeTab();
  const plain = tab === 'text' ? whole(current, 'text') : tab === 'md' ? whole(current, 'md') : pretty(current);
  try {
    if (tab === 'text' && globalThis.ClipboardItem)
      await navigator.clipboard.write([new ClipboardItem({ 'text/plain': new Blob([plain], { type: 'text/plain' }), 'text/html': new Blob([whole(current, 'html')], { type: 'text/html' }) })]);
    else
      await navigator.clipboard.writeText(plain);
    toast('Copied ' + bytes(new Blob([plain]).size));
  } catch {
    toast('The browser does not let this page copy: use Download');
  }
}

// ---- what people do ----

function choose() { $('file').click(); }

function dragging() {
  const files = e => [...(e.dataTransfer?.types ?? [])].includes('Files');
  let depth = 0;
  addEventListener('dragenter', e => { if (files(e)) { e.preventDefault(); depth++; $('veil').hidden = false; } });
  addEventListener('dragover', e => { if (files(e)) e.preventDefault(); });
  addEventListener('dragleave', e => { if (files(e) && --depth <= 0) { depth = 0; $('veil').hidden = true; } });
  addEventListener('drop', e => {
    if (!files(e)) return;
    e.preventDefault();
    depth = 0;
    $('veil').hidden = true;
    if (e.dataTransfer.files.length > 1) toast('One at a time: this is the first of ' + e.dataTransfer.files.length);
    open(e.dataTransfer.files[0]);
  });
  addEventListener('paste', e => { if (e.clipboardData?.files.length) open(e.clipboardData.files[0]); });
}

function pointing() {
  const target = e => e.target.closest?.('.box, #panel-text [data-bbox]');
  const idOf = e => target(e)?.dataset.for ?? target(e)?.dataset.block;
  for (const [name, on] of [['mouseover', true], ['mouseout', false], ['focusin', true], ['focusout', false]])
    document.addEventListener(name, e => {
      const id = idOf(e);
      if (!id) return;
      light(id, on);
      if (!on) hideTip();
      else if (target(e).classList.contains('box')) showTip(target(e));
    });
  $('sheets').addEventListener('click', e => { if (idOf(e)) select(idOf(e)); });
  $('panel-text').addEventListener('click', e => { if (idOf(e) && String(getSelection()) === '') select(idOf(e)); });
  $('sheets').addEventListener('scroll', hideTip, { passive: true });
}

const KEYS = {
  o: choose, c: copy, d: () => menu(true), j: () => step(1), k: () => step(-1), ArrowLeft: () => turn(-1), ArrowRight: () => turn(1),
  1: () => showTab('text'), 2: () => showTab('md'), 3: () => showTab('json'), b: () => $('boxes').click(), r: () => $('order').click(),
  w: () => $('doubts').click(), '+': () => zoomBy(1), '-': () => zoomBy(-1), 0: () => setZoom(1), '?': () => $('keys').showModal(),
};

function typing() {
  addEventListener('keydown', e => {
    if (e.key === 'Escape') {
      if (!$('formats').hidden) { menu(false); $('download').focus(); }
      else if (document.body.dataset.state === 'busy') current.abort.abort();
      else select('');
      return;
    }
    if (e.ctrlKey || e.metaKey || e.altKey || document.querySelector('dialog[open]') || e.target.closest('input:not([type=checkbox]), select, textarea')) return;
    if (!$('formats').hidden && (e.key === 'ArrowDown' || e.key === 'ArrowUp')) {
      const all = [...$('formats').querySelectorAll('button:enabled')];
      all[(all.indexOf(document.activeElement) + (e.key === 'ArrowDown' ? 1 : all.length - 1)) % all.length].focus();
      e.preventDefault();
    } else if (e.target.closest('[role=tablist]') && (e.key === 'ArrowLeft' || e.key === 'ArrowRight')) {
      showTab(TABS[(TABS.indexOf(activeTab()) + (e.key === 'ArrowRight' ? 1 : TABS.length - 1)) % TABS.length], true);
      e.preventDefault();
    } else if (KEYS[e.key] && (e.key === 'o' || e.key === '?' || current)) {
      KEYS[e.key]();
      e.preventDefault();
    }
  });
}

function buttons() {
  $('file').addEventListener('change', () => { open($('file').files[0]); $('file').value = ''; });
  $('drop').addEventListener('keydown', e => { if (e.key === 'Enter') choose(); });
  $('again').addEventListener('click', choose);
  $('retry').addEventListener('click', () => open(current.file));
  $('cancel').addEventListener('click', () => current?.abort.abort());
  $('copy').addEventListener('click', copy);
  $('help').addEventListener('click', () => $('keys').showModal());
  $('download').addEventListener('click', () => menu($('formats').hidden));
  addEventListener('click', e => { if (!e.target.closest('.menu')) menu(false); });
  $('previous').addEventListener('click', () => turn(-1));
  $('next').addEventListener('click', () => turn(1));
  $('smaller').addEventListener('click', () => zoomBy(-1));
  $('larger').addEventListener('click', () => zoomBy(1));
  for (const id of ['boxes', 'order', 'doubts']) {
    const apply = () => $('sheets').classList.toggle('with-' + id, $(id).checked);
    $(id).addEventListener('change', apply);
    apply();
  }
  $('legend').addEventListener('click', e => {
    const button = e.target.closest('button');
    if (!button) return;
    button.setAttribute('aria-pressed', String(button.getAttribute('aria-pressed') === 'false'));
    applyLegend();
  });
  for (const tab of TABS) $('tab-' + tab).addEventListener('click', () => showTab(tab));
  $('views').append(...[['page', 'Page'], ['text', 'Text'], ['md', 'Markdown'], ['json', 'JSON']].map(([name, label]) => {
    const button = document.createElement('button');
    button.dataset.view = name;
    button.textContent = label;
    button.addEventListener('click', () => name === 'page' ? view('page') : showTab(name));
    return button;
  }));
  view('text');
}

async function greet() {
  try {
    info = await (await fetch('api/info')).json();
    $('limits').textContent = 'PDF, TIFF, PNG, JPEG, WebP · up to ' + bytes(info.max_bytes);
  } catch {
    toast('The server cannot be reached');
  }
}

buttons();
dragging();
pointing();
typing();
greet();
