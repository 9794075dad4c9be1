/** Exporting a scope. LangBot lets no page write files, so the text is there to copy. */

import { call, refOf } from '../api.js';
import { closeDialog, openDialog } from '../dialog.js';
import { button, h, row } from '../dom.js';
import { alertBox } from '../elements.js';
import { counted } from '../format.js';
import { fullName } from '../names.js';
import { t } from '../texts.js';

/** @param {ScopeView} scope */
export function askExport(scope) {
  const hidden = h('input', { type: 'checkbox' });
  const place = h('div', { class: 'stack' });
  const show = async () => {
    prepare.disabled = true;
    place.replaceChildren(h('p', { class: 'muted' }, t('loading')));
    place.replaceChildren(...(await exported(scope, hidden.checked)));
    prepare.disabled = false;
  };
  const prepare = button(t('prepare'), show, 'main');
  openDialog(
    t('ask_export'),
    h('p', { class: 'wrap' }, t('ask_export_text', { name: fullName(scope) })),
    h('label', { class: 'check' }, hidden, t('with_hidden')),
    place,
    row(prepare, button(t('close'), closeDialog)),
  );
}

/**
 * @param {ScopeView} scope
 * @param {boolean} reveal
 */
async function exported(scope, reveal) {
  const { entries, error } = await allEntries(scope, reveal);
  if (error) return [alertBox(error)];
  const area = h('textarea', { readonly: true, rows: 12, 'aria-label': t('value'), id: 'exported', dir: 'ltr' });
  area.value = exportText(scope, entries);
  const told = h('span', { class: 'small muted', role: 'status' });
  told.textContent = t('exported', { entries: counted(entries.length, 'entry') });
  const copy = () => {
    area.select();
    told.textContent = t(document.execCommand('copy') ? 'copied' : 'select_copy');
  };
  return [area, row(button(t('copy'), copy), told)];
}

/**
 * @param {ScopeView} scope
 * @param {boolean} reveal
 */
async function allEntries(scope, reveal) {
  /** @type {Entry[]} */
  const entries = [];
  /** @type {string | null} */
  let after = null;
  do {
    /** @type {Answer<'/export'>} */
    const piece = await call('/export', { scope: refOf(scope), after, reveal });
    if (piece.error) return { entries, error: piece.error };
    entries.push(...piece.entries);
    after = piece.next;
  } while (after !== null);
  return { entries, error: null };
}

/**
 * Put values in as the text they are, so that no number is rounded on the way.
 *
 * @param {ScopeRef} scope
 * @param {Entry[]} entries
 */
function exportText({ scope, parts }, entries) {
  const members = entries.map(({ text, key, ...facts }) => {
    const value = (text ?? 'null').replaceAll('\n', '\n      ');
    return `    ${JSON.stringify(key)}: {${JSON.stringify(facts).slice(1, -1)},\n      "value": ${value}}`;
  });
  return `{
  "scope": ${JSON.stringify(scope)},
  "parts": ${JSON.stringify(parts)},
  "entries": {\n${members.join(',\n')}\n  }
}
`;
}
