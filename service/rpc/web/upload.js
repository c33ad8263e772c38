// SPDX-License-Identifier: Apache-2.0
// Sending a document and hearing of it: one request, a line of JSON for each thing that happens.

/** The server said no, or the document could not be read: what, why, what to do. */
export class Problem extends Error {
  constructor(error, status = 0) {
    super(error.message);
    this.reason = error.reason;
    this.advice = error.advice ?? '';
    this.retryMs = error.retry_ms ?? -1;
    this.status = status;
  }
}

async function refusal(response) {
  try {
    return new Problem((await response.json()).error, response.status);
  } catch {
    return new Problem({ reason: 'HTTP_' + response.status, message: 'The server answered with status ' + response.status + '.' }, response.status);
  }
}

async function* lines(body) {
  const decoder = new TextDecoder();
  let parts = [];
  for (const reader = body.getReader(); ;) {
    const { done, value } = await reader.read();
    if (done) return;
    let text = decoder.decode(value, { stream: true });
    for (let at; (at = text.indexOf('\n')) >= 0; text = text.slice(at + 1)) {
      parts.push(text.slice(0, at));
      yield parts.join('');
      parts = [];
    }
    parts.push(text);
  }
}

/** Events of the server about a file, in order; throws a Problem when there is no result. */
export async function* parse(file, fields, token, signal) {
  const form = new FormData();
  for (const [name, value] of Object.entries(fields)) if (value) form.append(name, value);
  form.append('file', file, file.name || 'pasted');
  const headers = token ? { Authorization: 'Bearer ' + token } : {};
  let response;
  try {
    response = await fetch('api/parse', { method: 'POST', body: form, headers, signal });
  } catch (error) {
    if (error.name === 'AbortError') throw error;
    throw new Problem({ reason: 'CONNECTION', message: 'The server cannot be reached, or broke the connection.', advice: 'See whether docparse serve still runs.' });
  }
  if (!response.ok) throw await refusal(response);
  try {
    for await (const line of lines(response.body)) {
      const event = JSON.parse(line);
      if (event.event === 'error') throw new Problem(event.error);
      yield event;
      if (event.event === 'finished') return;
    }
  } catch (error) {
    if (error.name === 'AbortError' || error instanceof Problem) throw error;
  }
  throw new Problem({ reason: 'CONNECTION', message: 'The connection ended before the document did.', advice: 'Send it again.' });
}

/** A picture that came as a data URI, as bytes of its own that can be let go of. */
export function blobOf(uri) {
  const comma = uri.indexOf(',');
  return new Blob([bytesOf(uri.slice(comma + 1))], { type: uri.slice(5, uri.indexOf(';')) });
}

export function bytesOf(base64) {
  return Uint8Array.from(atob(base64), c => c.charCodeAt(0));
}
