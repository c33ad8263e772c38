// SPDX-License-Identifier: Apache-2.0
// The picture of a page with its blocks as boxes: colour by kind, number by reading order, all the rest in the tip.
import { blobOf } from './upload.js';

/** Kind of block -> colour group of the style sheet. */
const GROUPS = {
  title: 'head', heading: 'head', paragraph: 'text', list: 'list', list_item: 'list', table: 'table', figure: 'figure', chart: 'figure',
  formula: 'formula', caption: 'caption', footnote: 'caption', reference: 'caption', code: 'code', header: 'margin', footer: 'margin',
  page_number: 'margin',
};
export const groupOf = type => GROUPS[type] ?? 'other';
export const nameOf = type => type.replaceAll('_', ' ');
const DOUBT = 0.8;
const EDGE = 0.045; // of the page's width: what a number beside a box needs

function place(element, box, page) {
  element.style.left = 100 * box.x0 / page.width + '%';
  element.style.top = 100 * box.y0 / page.height + '%';
  element.style.width = 100 * (box.x1 - box.x0) / page.width + '%';
  element.style.height = 100 * (box.y1 - box.y0) / page.height + '%';
}

/** Lists come with their items, which have boxes of their own. */
export function shown(page) {
  const parents = new Set(page.blocks.map(b => b.parent).filter(Boolean));
  return page.blocks.filter(b => b.bbox && !(b.type === 'list' && parents.has(b.id)));
}

function boxOf(block, number, page) {
  const box = document.createElement('button');
  box.className = 'box';
  box.dataset.for = block.id;
  box.dataset.type = block.type;
  box.dataset.group = groupOf(block.type);
  box.tabIndex = -1;
  box.setAttribute('aria-label', number + ' ' + nameOf(block.type) + ': ' + block.text.slice(0, 80));
  const order = document.createElement('span');
  order.className = block.bbox.x0 < EDGE * page.width ? 'n in' : 'n'; // beside the box, where there is room
  order.textContent = number;
  box.append(order);
  place(box, block.bbox, page);
  return box;
}

function doubtsOf(page) {
  const found = [];
  for (const block of page.blocks) {
    for (const line of block.lines ?? []) {
      for (const word of line.words ?? []) {
        if (word.confidence === undefined || word.confidence >= DOUBT || !word.bbox) continue;
        const mark = document.createElement('span');
        mark.className = 'doubt';
        mark.title = word.text + ': ' + Math.round(100 * word.confidence) + ' %';
        place(mark, word.bbox, page);
        found.push(mark);
      }
    }
  }
  return found;
}

/** The page as an element; free() lets go of its picture. */
export function sheetOf(page, picture) {
  const sheet = document.createElement('figure');
  sheet.className = 'sheet';
  sheet.dataset.page = page.number;
  const frame = document.createElement('div');
  frame.className = 'frame';
  frame.style.aspectRatio = Math.max(1, page.width) + ' / ' + Math.max(1, page.height);
  let url = '';
  if (picture) {
    const image = document.createElement('img');
    url = URL.createObjectURL(blobOf(picture));
    image.src = url;
    image.alt = 'Picture of page ' + page.number;
    image.decoding = 'async';
    image.draggable = false;
    frame.append(image);
  }
  shown(page).forEach((block, i) => frame.append(boxOf(block, i + 1, page)));
  frame.append(...doubtsOf(page));
  const caption = document.createElement('figcaption');
  caption.textContent = 'Page ' + page.number + (page.status === 'ok' ? '' : ' · ' + page.status);
  sheet.append(frame, caption);
  return { element: sheet, free: () => url && URL.revokeObjectURL(url) };
}

function row(name, value) {
  const line = document.createElement('div');
  const term = document.createElement('span');
  const text = document.createElement('b');
  term.textContent = name;
  text.textContent = value;
  line.append(term, text);
  return line;
}

const SOURCES = { text_layer: 'the file’s own text', compact: 'read from the pixels', vlm: 'the large model', repaired: 'put together from damaged output' };

/** What is known of a block, for the tip. */
export function about(block, number) {
  const out = document.createDocumentFragment();
  const head = document.createElement('div');
  head.className = 'head';
  head.dataset.group = groupOf(block.type);
  head.textContent = number + ' · ' + nameOf(block.type) + (block.level ? ' ' + block.level : '');
  out.append(head);
  if (block.confidence !== undefined) {
    const line = row('confidence', (100 * block.confidence).toFixed(1) + ' %');
    const meter = document.createElement('meter');
    meter.value = block.confidence;
    meter.low = 0.6;
    meter.high = 0.85;
    meter.optimum = 1;
    line.append(meter);
    out.append(line);
  }
  if (block.source) out.append(row('from', SOURCES[block.source] ?? block.source));
  if (block.table) out.append(row('table', block.table.rows + ' × ' + block.table.cols));
  if (block.flags?.length) out.append(row('note', block.flags.map(nameOf).join(', ')));
  return out;
}
