/** The lists on the left: found scopes, or the recently written ones. */

import { actions } from '../actions.js';
import { refOf, sameScope } from '../api.js';
import { byId, h } from '../dom.js';
import { badge, when } from '../elements.js';
import { counted, number } from '../format.js';
import { ownerName, runnerName, scopeName } from '../names.js';
import { state } from '../state.js';
import { t } from '../texts.js';
import { visible } from '../visible.js';

const RECENT = 20;
const SHOWN_KEYS = 3;

/** @typedef {import('../state.js').ResultList} ResultList */

export function showResults() {
  const searched = Boolean(state.request?.text);
  byId('start-over').hidden = false;
  byId('results').classList.remove('recent');
  byId('names-title').textContent = t(searched ? 'in_names' : 'all_found');
  showNames(state.names);
  byId('inside').hidden = !searched || (state.names.going && !state.inside.looked);
  showInside(state.inside);
}

/** @param {ResultList} list */
function showNames(list) {
  const said = list.going ? 'searching' : list.cursor !== null ? 'found_more' : list.scopes.length ? 'found' : 'none';
  byId('found').textContent = t(said, { n: number(list.scopes.length) });
  byId('more').hidden = list.going || list.cursor === null;
  showList('results', list.scopes, list.going);
}

/** @param {ResultList} list */
function showInside(list) {
  const said = list.going ? 'looking' : list.cursor !== null ? 'looked_more' : 'looked';
  byId('looked').textContent = t(said, { n: number(list.scopes.length), m: number(list.looked) });
  byId('further').hidden = list.going || list.cursor === null;
  byId('stop').hidden = !list.going;
  showList('hits', list.scopes, list.going);
}

/** Show the scopes of the latest writes, before anything is searched for. */
export function showRecent() {
  const scopes = recentScopes();
  for (const id of ['start-over', 'inside', 'more']) byId(id).hidden = true;
  byId('names-title').textContent = scopes.length ? t('recent') : '';
  byId('found').textContent = '';
  byId('results').classList.add('recent');
  if (!byId('results').contains(document.activeElement)) showList('results', scopes, false);
}

function recentScopes() {
  /** @type {FoundScope[]} */
  const scopes = [];
  for (const { scope, updated_at } of state.overview?.newest ?? []) {
    if (scopes.length < RECENT && !scopes.some((one) => sameScope(one, scope)))
      scopes.push({ ...scope, updated_at, keys: [] });
  }
  return scopes;
}

/**
 * @param {string} id
 * @param {FoundScope[]} scopes
 * @param {boolean} going
 */
function showList(id, scopes, going) {
  byId(id).setAttribute('aria-busy', String(going));
  byId(id).replaceChildren(...scopes.map(resultRow));
}

/** @param {FoundScope} found */
function resultRow(found) {
  const attributes = {
    type: 'button',
    'aria-current': String(sameScope(found, state.scope)),
    'data-ref': JSON.stringify(refOf(found)),
    onclick: () => open(found),
  };
  const entries = found.entries ? `${counted(found.entries, 'entry')} · ` : '';
  const about = `${runnerName(found.parts.runner_id)} · ${entries}`;
  return h(
    'li',
    {},
    h(
      'button',
      attributes,
      h('span', { class: 'row' }, h('bdi', { class: 'key' }, ownerName(found)), badge(scopeName(found.scope))),
      h('span', { class: 'small muted wrap' }, about, when(found.updated_at)),
      keysOf(found),
    ),
  );
}

/** @param {FoundScope} found */
function keysOf(found) {
  const keys = found.keys.slice(0, SHOWN_KEYS).map(visible).join(', ');
  return keys ? h('span', { class: 'small wrap' }, t('in_keys', { keys })) : null;
}

/** @param {FoundScope} found */
function open(found) {
  const [key, ...more] = found.keys;
  if (key !== undefined && !more.length) actions.openEntry(found, key);
  else actions.openScope(found);
}

/** Mark the open scope in the lists. */
export function markCurrent() {
  const current = state.scope && JSON.stringify(refOf(state.scope));
  for (const button of document.querySelectorAll('aside [data-ref]')) {
    button.setAttribute('aria-current', String(button.getAttribute('data-ref') === current));
  }
}
