/** The open scope. */

import { actions } from '../actions.js';
import { call, refOf, sameScope } from '../api.js';
import { button, byId, h, row } from '../dom.js';
import { alertBox, badge, heading } from '../elements.js';
import { markCurrent } from '../find/results.js';
import { dropResults } from '../find/search.js';
import { botName, botOf, ownerName, runnerName, scopeName } from '../names.js';
import { openOverview } from '../overview/refresh.js';
import { state } from '../state.js';
import { t } from '../texts.js';
import { identity, removal } from './about.js';
import { entryRows, orderChoice } from './entries.js';

const PAGE_SIZE = 50;

/** More entries than this are not kept up to date: one request brings at most 200. */
const FOLLOWED = 200;

/**
 * @param {ScopeView} view
 * @param {boolean} [focus] Whether the heading takes the focus.
 */
export async function openScope(view, focus = true) {
  state.scope = { ...refOf(view), whose: view.whose };
  byId('columns').classList.add('detail');
  markCurrent();
  await loadEntries(null, [], focus);
}

/**
 * Show the open scope anew, from its first entry.
 *
 * @param {boolean} focus
 */
export const reloadScope = (focus) => loadEntries(null, [], focus);

/**
 * @param {string | null} after The key after which to go on.
 * @param {Preview[]} loaded The entries up to there.
 * @param {boolean} focus
 */
async function loadEntries(after, loaded, focus) {
  const { scope } = state;
  if (!scope) return;
  const page = await call('/entries', { scope: refOf(scope), after });
  if (!sameScope(scope, state.scope)) return;
  if (page.error) showGone(scope, page.error);
  else showScope(scope, [...loaded, ...page.entries], page.next, { focus });
}

/** Show what others have written since; someone who edits is not disturbed. */
export async function refreshScope() {
  const { scope, entries } = state;
  if (!scope || entries.length > FOLLOWED) return;
  const page = await call('/entries', { scope: refOf(scope), limit: Math.max(PAGE_SIZE, entries.length) });
  if (!sameScope(scope, state.scope) || byId('dialog', HTMLDialogElement).open) return;
  if (page.error) {
    if (page.error.code === 'gone') showGone(scope, page.error);
  } else if (versions(page.entries) !== versions(entries)) {
    keepingFocus(() => showScope(scope, page.entries, page.next, { before: entries }));
  }
}

/** @param {Preview[]} entries */
const versions = (entries) => JSON.stringify(entries.map(({ key, version, updated_at }) => [key, version, updated_at]));

/**
 * Redraw, and give the focus back to the same entry.
 *
 * @param {() => void} redraw
 */
function keepingFocus(redraw) {
  const key = document.activeElement?.getAttribute('data-key');
  redraw();
  const rows = [...byId('entries').querySelectorAll('button')];
  if (key != null) rows.find((one) => one.dataset.key === key)?.focus();
}

/** After a change of the open scope: show it as it is now, or the list when it has no entry left. */
export async function showChanged() {
  const { scope, entries } = state;
  if (!scope) return;
  const page = await call('/entries', { scope: refOf(scope) });
  if (!sameScope(scope, state.scope)) return;
  if (!page.error) showScope(scope, page.entries, page.next, { focus: true, before: entries });
  else if (page.error.code === 'gone') closeScope([scope]);
  else showGone(scope, page.error);
}

/**
 * @param {ScopeView} scope
 * @param {Preview[]} entries
 * @param {string | null} next
 * @param {{ focus?: boolean, before?: Preview[] }} options `before` was shown before this: newer entries stand out.
 */
function showScope(scope, entries, next, { focus = false, before = entries }) {
  state.entries = entries;
  state.next = next;
  const title = heading(h('bdi', {}, ownerName(scope)), ' ', badge(scopeName(scope.scope)));
  const about = `${runnerName(scope.parts.runner_id)} · ${botName(botOf(scope))}`;
  byId('main').replaceChildren(
    row(backButton()),
    title,
    h('p', { class: 'muted small wrap' }, about),
    identity(scope),
    row(
      button(t('add'), () => actions.addEntry(scope)),
      button(t('export'), () => actions.exportScope(scope)),
      orderChoice(() => reorder(scope)),
    ),
    h('ul', { class: 'list', id: 'entries' }, entryRows(scope, before)),
    next
      ? h(
          'div',
          {},
          button(t('more_entries'), () => loadEntries(next, entries, false)),
        )
      : '',
    removal(scope),
  );
  if (focus) title.focus();
}

/** @param {ScopeView} scope */
function reorder(scope) {
  showScope(scope, state.entries, state.next, {});
  byId('order').focus();
}

function backButton() {
  const wide = h('span', { class: 'wide' }, t('to_overview'));
  const narrow = h('span', { class: 'narrow' }, t('to_list'));
  return h('button', { type: 'button', id: 'back', onclick: goBack }, '← ', wide, narrow);
}

/**
 * @param {ScopeView} scope
 * @param {ApiError} error
 */
function showGone(scope, error) {
  if (error.code === 'gone') dropResults([scope]);
  state.entries = [];
  byId('main').replaceChildren(backButton(), heading(ownerName(scope)), alertBox(error));
}

/**
 * Leave scopes that are gone.
 *
 * @param {ScopeRef[]} gone
 */
export function closeScope(gone) {
  dropResults(gone);
  goBack();
}

/** Leave the scope for the overview, on a phone for the list. */
export function goBack() {
  state.scope = null;
  state.entries = [];
  byId('columns').classList.remove('detail');
  markCurrent();
  openOverview();
  byId('text').focus();
}
