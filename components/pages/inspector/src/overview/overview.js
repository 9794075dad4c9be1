/** The figures of the store and its latest writes. */

import { actions } from '../actions.js';
import { byId, h, row } from '../dom.js';
import { badge, heading, when } from '../elements.js';
import { number, size, timeOfDay } from '../format.js';
import { ownerName, scopeName } from '../names.js';
import { t } from '../texts.js';
import { visible } from '../visible.js';
import { chart } from './chart.js';

const LATEST = 12;

/**
 * @param {Overview} overview
 * @param {Overview | null} before Shown before this: writes that are newer stand out for a moment.
 */
export function showOverview(overview, before = null) {
  const isOpen = document.querySelector('#days[open]') !== null;
  const made = h('span', { class: 'muted small' }, t('as_of', { time: timeOfDay(overview.made_at) }));
  const content = overview.entries
    ? [chart(overview), latestWrites(overview, before ?? overview)]
    : [h('p', { class: 'card' }, t('nothing_yet'))];
  byId('main').replaceChildren(row(heading(t('overview')), made), tiles(overview), ...content);
  if (isOpen) document.getElementById('days')?.setAttribute('open', '');
}

/** @param {Overview} overview */
function tiles(overview) {
  return h(
    'div',
    { class: 'tiles' },
    tile(number(overview.scopes), t('scopes')),
    tile(number(overview.entries), t('entries')),
    tile(size(overview.value_bytes), t('bytes')),
  );
}

/**
 * @param {string} value
 * @param {string} name
 */
function tile(value, name) {
  return h('div', { class: 'card tile' }, h('strong', {}, value), h('span', { class: 'muted small' }, name));
}

/**
 * @param {Overview} overview
 * @param {Overview} before
 */
function latestWrites(overview, before) {
  const known = new Set(before.newest.map(versionOf));
  const rows = overview.newest.slice(0, LATEST).map((one) => writtenRow(one, !known.has(versionOf(one))));
  return h('section', { class: 'stack' }, h('h3', {}, t('newest')), h('ul', { class: 'list', id: 'newest' }, rows));
}

/** @param {Written} written */
const versionOf = (written) => JSON.stringify([written.scope, written.key, written.version]);

/**
 * @param {Written} written
 * @param {boolean} fresh
 */
function writtenRow(written, fresh) {
  const { scope, key } = written;
  const open = () => actions.openEntry(scope, key);
  const title = h('span', { class: 'key' }, visible(key));
  const owner = [`${scopeName(scope.scope)} `, h('bdi', {}, ownerName(scope)), ' · '];
  return h(
    'li',
    {},
    h(
      'button',
      { type: 'button', class: fresh ? 'fresh' : '', onclick: open },
      h('span', { class: 'row' }, title, badge(t('version', { n: written.version }))),
      h('span', { class: 'small muted wrap' }, owner, when(written.updated_at), ` · ${size(written.value_bytes)}`),
    ),
  );
}
