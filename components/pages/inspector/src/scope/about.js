/** Around a scope's entries: its identity, and what removes it. */

import { actions } from '../actions.js';
import { button, h } from '../dom.js';
import { botName, botOf, personOf } from '../names.js';
import { state } from '../state.js';
import { t } from '../texts.js';
import { visible } from '../visible.js';

/** @type {Record<string, import('../texts.js').TextName>} */
const PART_NAMES = {
  runner_id: 'runner',
  bot_id: 'bot',
  bot_uuid: 'bot',
  binding_identity: 'binding',
  workspace_id: 'workspace',
  conversation_id: 'conversation',
  thread_id: 'thread',
  actor_id: 'actor',
  sender_id: 'actor',
  subject_id: 'subject',
};

/** @param {ScopeView} scope */
export function identity({ parts }) {
  const rows = Object.entries(parts).flatMap(([name, value]) => (value === null ? [] : part(name, value)));
  return h('details', {}, h('summary', {}, t('identity')), h('dl', {}, rows));
}

/**
 * @param {string} name
 * @param {string} value
 */
function part(name, value) {
  const known = PART_NAMES[name];
  const named = known === 'bot' && state.botNames[value] !== undefined;
  const shown = named ? `${botName(value)} (${visible(value)})` : visible(value);
  return [h('dt', {}, known ? t(known) : name), h('dd', {}, shown)];
}

/** @param {ScopeView} scope */
export function removal(scope) {
  const person = personOf(scope);
  const erase = () => person && actions.erasePerson(person, botOf(scope));
  return h(
    'section',
    { class: 'foot stack', id: 'removal' },
    h('h3', {}, t('remove')),
    removalRow(t('clear_what'), t('clear'), () => actions.clearScope(scope)),
    person ? removalRow(t('erase_what', { name: visible(person) }), t('erase'), erase) : null,
  );
}

/**
 * @param {string} text
 * @param {string} name
 * @param {() => void} act
 */
function removalRow(text, name, act) {
  return h('div', { class: 'row' }, h('p', { class: 'small muted wrap' }, text), button(name, act, 'quiet'));
}
