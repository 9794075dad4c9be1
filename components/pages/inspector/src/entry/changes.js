import { closeDialog } from '../dialog.js';
import { say } from '../elements.js';
import { refreshResults } from '../find/search.js';
import { showChanged } from '../scope/scope.js';

/**
 * After an entry was written or deleted: say so, and show the scope as it is now.
 *
 * @param {string} text
 */
export async function entryChanged(text) {
  closeDialog();
  say(text);
  await showChanged();
  refreshResults();
}
