// SPDX-License-Identifier: Apache-2.0
// Markup of a document, copied element by element by an allow-list: what is not named here does not come over. The server
// escapes already; this is the second lock.

const HTML = 'http://www.w3.org/1999/xhtml';
const MATH = 'http://www.w3.org/1998/Math/MathML';
const DEPTH = 200;
const words = text => new Set(text.split(' '));

const TAGS = words('section div p span h1 h2 h3 h4 h5 h6 ul ol li table caption colgroup col thead tbody tfoot tr th td figure figcaption ' +
  'img pre code b i u s em strong sub sup br hr small');
const MATH_TAGS = words('math mrow mi mn mo mtext ms mspace mfrac msqrt mroot msub msup msubsup munder mover munderover mmultiscripts mprescripts ' +
  'none mtable mtr mtd mstyle mpadded mphantom menclose merror semantics annotation');
const ATTRIBUTES = words('lang dir title role aria-label colspan rowspan scope start value width height alt tabindex');
const MATH_ATTRIBUTES = words('display mathvariant stretchy fence separator accent accentunder linethickness displaystyle scriptlevel columnalign ' +
  'columnspan rowspan width height depth lspace rspace notation form movablelimits largeop minsize maxsize symmetric columnlines rowlines frame encoding');
const PICTURE = /^data:image\/(png|jpeg);base64,[A-Za-z0-9+/=]+$/;
const CLASS = /^[a-z -]{1,60}$/;

// The only way from text to elements: for a parser whose document is never shown.
const policy = globalThis.trustedTypes ? trustedTypes.createPolicy('docparse', { createHTML: text => text }) : { createHTML: text => text };

function copyAttributes(from, to, math) {
  for (const { name, value } of from.attributes) {
    if (name === 'id') {
      to.dataset.block = value;
    } else if (name === 'class') {
      if (CLASS.test(value)) to.className = value;
    } else if (name === 'src') {
      if (from.localName === 'img' && PICTURE.test(value)) to.src = value;
    } else if (/^data-[a-z]+$/.test(name) || (math ? MATH_ATTRIBUTES : ATTRIBUTES).has(name)) {
      to.setAttribute(name, value);
    }
  }
}

function copyChildren(from, to, depth) {
  for (const node of from.childNodes) {
    if (node.nodeType === Node.TEXT_NODE) {
      to.append(node.data);
    } else if (node.nodeType === Node.ELEMENT_NODE) {
      const math = node.namespaceURI === MATH;
      const known = (math && MATH_TAGS.has(node.localName)) || (node.namespaceURI === HTML && TAGS.has(node.localName));
      if (!known || depth > DEPTH) continue;
      const copy = document.createElementNS(node.namespaceURI, node.localName);
      if (!math || copy.dataset) copyAttributes(node, copy, math);
      copyChildren(node, copy, depth + 1);
      to.append(copy);
    }
  }
}

/** The section of one page out of a piece of the HTML format, as a fragment of this document. */
export function pageOf(markup) {
  const parsed = new DOMParser().parseFromString(policy.createHTML(markup), 'text/html');
  const out = document.createDocumentFragment();
  for (const number of parsed.querySelectorAll('section.page > .number')) number.remove();
  copyChildren(parsed.body, out, 0);
  return out;
}
