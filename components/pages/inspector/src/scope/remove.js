/** Clearing a scope and erasing a person. */

import { call, refOf } from '../api.js';
import { ask, closeDialog, showError } from '../dialog.js';
import { say } from '../elements.js';
import { refreshResults } from '../find/search.js';
import { counted, number } from '../format.js';
import { botName, fullName, runnerName } from '../names.js';
import { state } from '../state.js';
import { t } from '../texts.js';
import { visible } from '../visible.js';
import { closeScope } from './scope.js';

/** How many of the scopes that would be erased are listed. */
const LISTED = 20;

/** @param {ScopeView} scope */
export function askClear(scope) {
  const name = fullName(scope);
  const loaded = number(state.entries.length);
  const text = t('ask_clear_text', { name, n: state.next ? `${loaded}+` : loaded });
  ask(t('ask_clear'), [text], t('clear'), async () => {
    const answer = await call('/clear', { scope: refOf(scope) });
    if (answer.error) return answer.error;
    showRemoved(t('cleared', { name, entries: counted(answer.deleted, 'entry') }), [scope]);
    return null;
  });
}

/**
 * @param {string} person
 * @param {string | null} bot
 */
export async function askErase(person, bot) {
  const request = bot === null ? { id: person } : { id: person, bot };
  const found = await call('/person', request);
  if (found.error) {
    showError(t('ask_erase'), found.error);
    return;
  }
  const name = `${visible(person)} (${bot === null ? t('any_bot') : t('this_bot', { bot: botName(bot) })})`;
  ask(t('ask_erase'), eraseTexts(name, found.entries, found.scopes), t('erase'), async () => {
    const answer = await call('/erase', request);
    if (answer.error) return answer.error;
    showRemoved(t('erased', { name, entries: counted(answer.deleted, 'entry') }), found.scopes);
    return null;
  });
}

/**
 * @param {string} name
 * @param {number} entries
 * @param {StoredScope[]} scopes
 */
function eraseTexts(name, entries, scopes) {
  const counts = { entries: counted(entries, 'entry'), scopes: counted(scopes.length, 'scope') };
  const lines = scopes
    .slice(0, LISTED)
    .map((one) => `${fullName(one)} · ${runnerName(one.parts.runner_id)} · ${counted(one.entries, 'entry')}`);
  return [t('ask_erase_text', { name, ...counts }), ...lines, t('ask_erase_what')];
}

/**
 * @param {string} text
 * @param {ScopeRef[]} scopes
 */
function showRemoved(text, scopes) {
  closeDialog();
  say(text);
  closeScope(scopes);
  refreshResults();
}
