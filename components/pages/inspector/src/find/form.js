/** The search form. */

import { byId, h } from '../dom.js';
import { number } from '../format.js';
import { botName, runnerName, scopeName } from '../names.js';
import { state } from '../state.js';
import { t } from '../texts.js';

const PAGE_SIZE = 50;

/** @type {Scope[]} */
const SCOPES = ['conversation', 'actor', 'subject', 'runner'];

/** Fill the filters with what the store has; what is chosen stays chosen. */
export function fillFilters() {
  const { runners, bots } = state.overview ?? { runners: {}, bots: {} };
  setOptions(
    'scope',
    SCOPES.map((scope) => [scope, `${scopeName(scope)} (${scope})`]),
  );
  setOptions('whose', [
    ['person', t('person')],
    ['group', t('group')],
    ['conversation', t('a_conversation')],
  ]);
  setOptions('runner', ranked(runners, runnerName));
  setOptions('bot', ranked(bots, botName));
}

/**
 * @param {Record<string, number>} counts
 * @param {(id: string) => string} name
 * @returns {[string, string][]}
 */
function ranked(counts, name) {
  const most = Object.entries(counts).sort((a, b) => b[1] - a[1]);
  return most.map(([id, count]) => [id, `${name(id)} (${number(count)})`]);
}

/**
 * @param {string} id
 * @param {[value: string, text: string][]} options
 */
function setOptions(id, options) {
  const select = byId(id, HTMLSelectElement);
  const wanted = [['', t('any')], ...options];
  const shown = [...select.options].map((option) => [option.value, option.textContent]);
  if (JSON.stringify(shown) === JSON.stringify(wanted)) return;
  const chosen = select.value;
  select.replaceChildren(...wanted.map(([value, text]) => h('option', { value }, text ?? '')));
  select.value = chosen;
  if (select.selectedIndex < 0) select.value = '';
}

/** @returns {FindRequest} */
export function formRequest() {
  /** @type {FindRequest} */
  const request = { limit: PAGE_SIZE };
  for (const name of /** @type {const} */ (['text', 'scope', 'runner', 'bot'])) {
    if (filled(name)) request[name] = filled(name);
  }
  return filled('whose') && filled('id') ? { ...request, whose: filled('whose'), id: filled('id') } : request;
}

/** @param {string} id */
function filled(id) {
  const field = document.getElementById(id);
  return field instanceof HTMLInputElement || field instanceof HTMLSelectElement ? field.value.trim() : '';
}

/** An exact id means something only once it is chosen what it names. */
export function enableId() {
  byId('id', HTMLInputElement).disabled = !filled('whose');
}

export function resetForm() {
  byId('find', HTMLFormElement).reset();
  enableId();
}
