/** Deleting an entry at the version that was seen. */

import { call, refOf } from '../api.js';
import { ask, closeDialog, dangerButton, openDialog, safeButton } from '../dialog.js';
import { h, row } from '../dom.js';
import { reloadScope } from '../scope/scope.js';
import { t } from '../texts.js';
import { visible } from '../visible.js';
import { entryChanged } from './changes.js';
import { conflictBox } from './conflict.js';

/**
 * @param {ScopeView} scope
 * @param {Entry} entry
 */
export function askDelete(scope, entry) {
  const text = t('ask_delete_text', { key: visible(entry.key), n: entry.version });
  ask(t('ask_delete'), [text], t('delete'), () => deleteEntry(scope, entry));
}

/**
 * @param {ScopeView} scope
 * @param {Entry} entry
 * @returns {Promise<ApiError | null>} What went wrong; null, too, when a newer write is shown instead.
 */
async function deleteEntry(scope, { key, version }) {
  const { error } = await call('/delete', { scope: refOf(scope), key, version });
  if (error && error.code !== 'conflict') return error;
  if (error?.current) askDeleteNewer(scope, error.current);
  else await entryChanged(error ? t('deleted_already') : t('deleted', { key: visible(key) }));
  return null;
}

/**
 * @param {ScopeView} scope
 * @param {Entry} now
 */
function askDeleteNewer(scope, now) {
  const { yes, failure } = dangerButton(t('delete_now', { n: now.version }), () => deleteEntry(scope, now));
  const keep = safeButton(t('keep'), () => {
    closeDialog();
    reloadScope(true);
  });
  const hint = h('p', { class: 'small muted' }, t('nothing_deleted'));
  openDialog(t('ask_delete'), conflictBox(now, hint), failure, row(yes, keep));
}
