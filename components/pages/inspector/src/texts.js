import { state } from './state.js';
import { EN } from './texts/en.js';
import { ZH } from './texts/zh.js';

/** @typedef {keyof typeof EN} TextName */

/** @type {Record<Language, Record<TextName, string>>} */
const TEXTS = { en: EN, 'zh-Hans': ZH };

/**
 * Return a text in the chosen language.
 *
 * @param {TextName} name
 * @param {Record<string, string | number>} [values] What stands for each `{placeholder}`.
 */
export function t(name, values = {}) {
  return TEXTS[state.language][name].replace(/\{(\w+)\}/g, (_, key) => String(values[key]));
}

/**
 * Return the heading of an error: its code where this page has no text for it.
 *
 * @param {ApiError} error
 */
export function errorTitle(error) {
  return Object.hasOwn(EN, error.code) ? t(/** @type {TextName} */ (error.code)) : error.code;
}
