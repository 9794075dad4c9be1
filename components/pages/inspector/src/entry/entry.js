/** One entry with its whole value. */

import { call, refOf, sameScope } from '../api.js';
import { closeDialog, openDialog, showError } from '../dialog.js';
import { button, h, row } from '../dom.js';
import { whenExactly } from '../elements.js';
import { size } from '../format.js';
import { openScope } from '../scope/scope.js';
import { state } from '../state.js';
import { t } from '../texts.js';
import { visible } from '../visible.js';
import { askDelete } from './delete.js';
import { editEntry } from './edit.js';
import { jsonBox } from './json.js';

/**
 * @param {ScopeView} scope
 * @param {string} key
 * @param {boolean} [reveal] Whether to show what is hidden.
 */
export async function openEntry(scope, key, reveal = false) {
  if (!sameScope(scope, state.scope)) await openScope(scope, false);
  const answer = await call('/entry', { scope: refOf(scope), key, reveal });
  if (answer.error) showError(visible(key), answer.error);
  else showEntry(scope, answer.entry, reveal);
}

/**
 * @param {ScopeView} scope
 * @param {Entry} entry
 * @param {boolean} revealed
 */
function showEntry(scope, entry, revealed) {
  const value = entry.text === null ? h('p', { class: 'danger-text' }, t('broken')) : jsonBox(entry.text);
  const buttons = row(
    button(t('edit'), () => startEdit(scope, entry, revealed), 'main'),
    entry.masked ? button(t('show_hidden'), () => openEntry(scope, entry.key, true)) : null,
    button(t('close'), closeDialog),
    button(t('delete'), () => askDelete(scope, entry), 'quiet last'),
  );
  openDialog(visible(entry.key), facts(entry), value, buttons);
}

/** @param {Entry} entry */
function facts(entry) {
  const rows = [
    [t('written'), whenExactly(entry.updated_at)],
    [t('by'), entry.run_id ? t('run', { run: visible(entry.run_id) }) : t('by_hand')],
    [t('expiry'), entry.expires_at ? whenExactly(entry.expires_at) : t('no_expiry')],
    [t('size'), `${size(entry.value_bytes)} · ${t('version', { n: entry.version })}`],
  ];
  const cells = rows.flatMap(([name, value]) => [h('dt', {}, name ?? ''), h('dd', {}, value ?? '')]);
  return h('dl', { class: 'small' }, cells);
}

/**
 * Edit with nothing hidden: the dots would be saved.
 *
 * @param {ScopeView} scope
 * @param {Entry} entry
 * @param {boolean} revealed
 */
async function startEdit(scope, entry, revealed) {
  if (!entry.masked || revealed) {
    editEntry(scope, entry);
    return;
  }
  const answer = await call('/entry', { scope: refOf(scope), key: entry.key, reveal: true });
  if (answer.error) showError(visible(entry.key), answer.error);
  else editEntry(scope, answer.entry);
}
