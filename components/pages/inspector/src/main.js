/** Starts the page, and connects its parts. */

import { connect } from './actions.js';
import { leaveDialog } from './dialog.js';
import { byId } from './dom.js';
import { tickTimes } from './elements.js';
import { addEntry } from './entry/edit.js';
import { openEntry } from './entry/entry.js';
import { enableId, fillFilters, resetForm } from './find/form.js';
import { showRecent, showResults } from './find/results.js';
import { endSearch, find, findMore, stopSearch } from './find/search.js';
import { showOverview } from './overview/overview.js';
import { openOverview, refreshOverview } from './overview/refresh.js';
import { askExport } from './scope/export.js';
import { askClear, askErase } from './scope/remove.js';
import { goBack, openScope, refreshScope, reloadScope } from './scope/scope.js';
import { state } from './state.js';
import { t } from './texts.js';

const POLL_MS = 3000;

connect({
  openScope,
  openEntry,
  addEntry,
  exportScope: askExport,
  clearScope: askClear,
  erasePerson: askErase,
});

/** @param {string} code LangBot's code of a language. */
function speak(code) {
  state.language = code.toLowerCase().startsWith('zh') ? 'zh-Hans' : 'en';
  document.documentElement.lang = state.language;
  document.title = t('title');
  for (const element of document.querySelectorAll('[data-t]')) {
    element.textContent = t(/** @type {import('./texts.js').TextName} */ (element.getAttribute('data-t')));
  }
  fillFilters();
}

/** @param {string} code */
function changeLanguage(code) {
  speak(code);
  if (state.request) showResults();
  else showRecent();
  if (state.scope) reloadScope(false);
  else if (state.overview) showOverview(state.overview);
}

function startOver() {
  resetForm();
  endSearch();
  goBack();
}

function poll() {
  tickTimes();
  if (document.hidden || byId('dialog', HTMLDialogElement).open) return;
  refreshOverview();
  refreshScope();
}

/** @param {Event} event */
function leaveInstead(event) {
  event.preventDefault();
  leaveDialog();
}

byId('find').addEventListener('submit', (event) => {
  event.preventDefault();
  find();
});
byId('start-over').addEventListener('click', startOver);
byId('whose').addEventListener('change', enableId);
byId('more').addEventListener('click', () => findMore('names'));
byId('further').addEventListener('click', () => findMore('inside'));
byId('stop').addEventListener('click', stopSearch);
byId('dialog').addEventListener('close', () => {
  state.unsaved = null;
  byId('dialog').replaceChildren();
});
byId('dialog').addEventListener('cancel', leaveInstead);
byId('dialog').addEventListener('keydown', (event) => {
  if (event.key === 'Escape') leaveInstead(event);
});

speak('en');
setInterval(poll, POLL_MS);
langbot.onReady(({ language }) => {
  changeLanguage(language);
  openOverview();
});
langbot.onLanguageChange(changeLanguage);
