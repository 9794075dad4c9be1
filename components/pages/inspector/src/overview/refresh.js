/** Keeps the figures, the filters and the latest writes up to date, and says when that fails. */

import { call } from '../api.js';
import { button, byId, h } from '../dom.js';
import { heading } from '../elements.js';
import { fillFilters } from '../find/form.js';
import { showRecent } from '../find/results.js';
import { number, timeOfDay } from '../format.js';
import { state } from '../state.js';
import { errorTitle, t } from '../texts.js';
import { visible } from '../visible.js';
import { showOverview } from './overview.js';

/** Show the overview: the figures that are known at once, then new ones. */
export async function openOverview() {
  if (state.overview) showOverview(state.overview);
  else showInstead(h('p', { class: 'muted' }, t('loading')));
  await refreshOverview();
}

/** Ask for the figures, one call at a time. */
export async function refreshOverview() {
  if (state.loading) return;
  state.loading = true;
  const answer = await call('/overview', {});
  state.loading = false;
  if (answer.error) showFailure(answer.error);
  else {
    byId('trouble').replaceChildren();
    state.botNames = answer.bot_names;
    byId('place').textContent = answer.url;
    if (answer.pending_s === undefined) takeFigures(answer);
    else showSlow(answer.pending_s);
  }
}

/** @param {Overview} overview */
function takeFigures(overview) {
  const before = state.overview;
  state.overview = overview;
  if (before?.made_at === overview.made_at && document.getElementById('newest')) return;
  fillFilters();
  if (!state.request) showRecent();
  if (!state.scope && !isReading()) showOverview(overview, before);
}

/** Whether the focus is in what new figures would replace. */
function isReading() {
  return document.activeElement?.closest('#newest, #days') != null;
}

/** @param {HTMLElement} content Shown while there are no figures. */
function showInstead(content) {
  byId('main').replaceChildren(heading(t('overview')), content);
}

/** @param {number} seconds How long the store has been counting. */
function showSlow(seconds) {
  if (state.scope || state.overview) return;
  showInstead(h('p', { class: 'card', id: 'slow' }, t('slow', { s: number(Math.round(seconds)) })));
}

/** @param {ApiError} error */
function showFailure(error) {
  if (error.code === 'not_enabled' && !state.scope) {
    showNotEnabled();
    return;
  }
  const old = state.overview ? t('figures_old', { time: timeOfDay(state.overview.made_at) }) : '';
  const title = h('strong', {}, errorTitle(error));
  const message = h('span', { class: 'wrap' }, visible(error.message));
  const note = h('span', { class: 'muted' }, t('trying'), ' ', old);
  byId('trouble').replaceChildren(h('div', { class: 'alert row', role: 'alert' }, title, message, note));
  if (!state.overview && !state.scope) showInstead(h('div', {}, button(t('again'), openOverview)));
}

function showNotEnabled() {
  state.overview = null;
  byId('trouble').replaceChildren();
  const box = notEnabled();
  if (!document.getElementById('not-enabled')?.isEqualNode(box)) byId('main').replaceChildren(box);
}

function notEnabled() {
  return h(
    'section',
    { class: 'card stack', role: 'alert', id: 'not-enabled' },
    heading(t('not_enabled')),
    h('p', {}, t('not_enabled_do')),
    h('pre', {}, 'pip install langbot-state-ext\nlangbot-state enable'),
    h('p', {}, t('not_enabled_then')),
    h('div', {}, button(t('again'), openOverview, 'main')),
  );
}
