import { byId, h } from './dom.js';
import { ago, dateAndTime } from './format.js';
import { state } from './state.js';
import { errorTitle } from './texts.js';
import { visible } from './visible.js';

const SAID_MS = 8000;

/**
 * How long ago something was. `tickTimes` keeps it up to date.
 *
 * @param {number} seconds
 */
export function when(seconds) {
  const time = new Date(seconds * 1000).toISOString();
  return h('time', { datetime: time, title: dateAndTime(seconds), 'data-at': seconds }, ago(seconds));
}

/**
 * How long ago something was, and the exact time, which a touch screen shows no tooltip for.
 *
 * @param {number} seconds
 */
export const whenExactly = (seconds) => h('span', {}, when(seconds), ` (${dateAndTime(seconds)})`);

export function tickTimes() {
  for (const time of document.querySelectorAll('time')) time.textContent = ago(Number(time.dataset.at));
}

/** @param {string} text */
export const badge = (text) => h('span', { class: 'badge' }, text);

/**
 * The heading of the right side, which takes the focus.
 *
 * @param {import('./dom.js').Child[]} children
 */
export const heading = (...children) => h('h2', { tabindex: -1 }, children);

/** @param {ApiError} error */
export function alertBox(error) {
  const message = h('span', { class: 'wrap' }, visible(error.message));
  return h('p', { class: 'alert', role: 'alert' }, h('strong', {}, errorTitle(error)), ' ', message);
}

/**
 * Say what was done, to eyes and screen readers.
 *
 * @param {string} text
 */
export function say(text) {
  byId('said').textContent = text;
  clearTimeout(state.saidTimer);
  state.saidTimer = setTimeout(() => {
    byId('said').textContent = '';
  }, SAID_MS);
}
