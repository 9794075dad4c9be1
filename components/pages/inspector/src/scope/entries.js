/** The rows of a scope's entries. */

import { actions } from '../actions.js';
import { h } from '../dom.js';
import { badge, when } from '../elements.js';
import { ago, size } from '../format.js';
import { state } from '../state.js';
import { t } from '../texts.js';
import { visible } from '../visible.js';

const ORDERS = /** @type {const} */ (['by_newest', 'by_key']);

/**
 * @param {ScopeView} scope
 * @param {Preview[]} before Shown before this: newer entries stand out for a moment.
 */
export function entryRows(scope, before) {
  const known = new Set(before.map(versionOf));
  return ordered().map((entry) => entryRow(scope, entry, !known.has(versionOf(entry))));
}

/** @param {Preview} entry */
const versionOf = (entry) => JSON.stringify([entry.key, entry.version]);

/** Entries come by key; the newest can come first where all of them are loaded. */
function ordered() {
  if (state.next || state.order === 'by_key') return state.entries;
  return state.entries.toSorted((a, b) => b.updated_at - a.updated_at);
}

/** @param {() => void} reorder */
export function orderChoice(reorder) {
  if (state.next || state.entries.length < 2) return null;
  const options = ORDERS.map((order) => h('option', { value: order, selected: order === state.order }, t(order)));
  const choice = h('select', { id: 'order', 'aria-label': t('sort') }, options);
  choice.addEventListener('change', () => {
    state.order = choice.value === 'by_key' ? 'by_key' : 'by_newest';
    reorder();
  });
  return choice;
}

/**
 * @param {ScopeView} scope
 * @param {Preview} entry
 * @param {boolean} fresh
 */
function entryRow(scope, entry, fresh) {
  const open = () => actions.openEntry(scope, entry.key);
  const title = h('span', { class: 'key' }, visible(entry.key));
  const value =
    entry.preview === null
      ? h('span', { class: 'danger-text' }, t('broken'))
      : h('code', { class: 'value' }, entry.preview);
  return h(
    'li',
    {},
    h(
      'button',
      { type: 'button', class: fresh ? 'fresh' : '', 'data-key': entry.key, onclick: open },
      h('span', { class: 'row' }, title, entry.masked ? badge(t('hidden')) : null),
      value,
      h('span', { class: 'small muted wrap' }, when(entry.updated_at), about(entry)),
    ),
  );
}

/**
 * Return what differs from entry to entry; the entry itself shows the rest.
 *
 * @param {Preview} entry
 */
function about(entry) {
  const facts = [t('version', { n: entry.version }), size(entry.value_bytes)];
  if (entry.expires_at) facts.push(t('expires', { when: ago(entry.expires_at) }));
  if (entry.run_id) facts.push(t('by_run', { run: visible(entry.run_id) }));
  return facts.map((fact) => ` · ${fact}`);
}
