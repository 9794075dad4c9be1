/** The one dialog of the page. */

import { button, byId, h, row } from './dom.js';
import { alertBox } from './elements.js';
import { state } from './state.js';
import { t } from './texts.js';

/**
 * @param {string} title
 * @param {import('./dom.js').Child[]} content
 */
export function openDialog(title, ...content) {
  const box = byId('dialog', HTMLDialogElement);
  state.unsaved = null;
  const heading = h('h2', { id: 'dialog-title', tabindex: -1 }, title);
  box.replaceChildren(h('div', { class: 'stack' }, heading, content));
  if (!box.open) box.showModal();
  const field = box.querySelector('[autofocus]');
  (field instanceof HTMLElement ? field : heading).focus();
}

export const closeDialog = () => byId('dialog', HTMLDialogElement).close();

/** Close the dialog, or ask first where changes would be lost. */
export function leaveDialog() {
  if (!state.unsaved?.()) closeDialog();
  else if (!document.getElementById('unsaved')) askDiscard();
  document.querySelector('#unsaved')?.querySelector('button')?.focus();
}

function askDiscard() {
  const box = byId('dialog');
  const goOn = () => {
    bar.remove();
    box.querySelector('textarea')?.focus();
  };
  const bar = h(
    'div',
    { class: 'alert row', role: 'alert', id: 'unsaved' },
    h('strong', {}, t('unsaved')),
    button(t('go_on'), goOn),
    button(t('discard'), closeDialog, 'danger'),
  );
  box.firstElementChild?.append(bar);
}

/**
 * A button that closes the dialog and has the focus, next to one that deletes.
 *
 * @param {string} text
 * @param {() => void} [action]
 */
export function safeButton(text, action = closeDialog) {
  return h('button', { type: 'button', autofocus: true, onclick: action }, text);
}

/**
 * A button that deletes, and a place that says why it could not.
 *
 * @param {string} name
 * @param {() => Promise<ApiError | null>} act Returns what went wrong.
 */
export function dangerButton(name, act) {
  const failure = h('div');
  const yes = button(
    name,
    async () => {
      yes.disabled = true;
      const error = await act();
      yes.disabled = false;
      if (error) failure.replaceChildren(alertBox(error));
    },
    'danger',
  );
  return { yes, failure };
}

/**
 * Ask before something is deleted.
 *
 * @param {string} title
 * @param {string[]} lines
 * @param {string} name The button that does it.
 * @param {() => Promise<ApiError | null>} act Does it; returns what went wrong.
 */
export function ask(title, lines, name, act) {
  const { yes, failure } = dangerButton(name, act);
  const texts = lines.map((line) => h('p', { class: 'wrap' }, line));
  openDialog(title, ...texts, failure, row(yes, safeButton(t('cancel'))));
}

/**
 * @param {string} title
 * @param {ApiError} error
 */
export const showError = (title, error) => openDialog(title, alertBox(error), row(button(t('close'), closeDialog)));
