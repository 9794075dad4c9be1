/** JSON text: its colours, its faults, and the plain text that it may stand for. */

import { h } from '../dom.js';
import { t } from '../texts.js';
import { hasUnseen } from '../visible.js';

/** Longer text is not coloured, which would take too long. */
const COLOURED_CHARS = 60_000;

const TOKEN =
  /(?<string>"(?:[^"\\]|\\.)*")(?<colon>\s*:)?|(?<word>\b(?:true|false|null)\b)|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g;

/** @param {string} text */
export function jsonBox(text) {
  const content = text.length > COLOURED_CHARS ? [text] : coloured(text);
  return h('pre', { class: 'json', tabindex: 0, dir: 'ltr' }, content);
}

/** @param {string} text */
function coloured(text) {
  /** @type {import('../dom.js').Child[]} */
  const content = [];
  let end = 0;
  for (const found of text.matchAll(TOKEN)) {
    const colon = found.groups?.colon ?? '';
    const token = found[0].slice(0, found[0].length - colon.length);
    content.push(text.slice(end, found.index), h('span', { class: kindOf(found.groups ?? {}) }, token), colon);
    end = found.index + found[0].length;
  }
  return [...content, text.slice(end)];
}

/** @param {Record<string, string | undefined>} groups */
function kindOf({ string, colon, word }) {
  if (string) return colon ? 'json-key' : 'json-string';
  return word ? 'json-word' : 'json-number';
}

/**
 * Return where a text stops being JSON.
 *
 * @param {string} text
 * @returns {{ where: string } | null} Null when it is JSON.
 */
export function jsonFault(text) {
  try {
    JSON.parse(text);
    return null;
  } catch (error) {
    const [, position] = /position (\d+)/.exec(String(error)) ?? [];
    const line = text.slice(0, Number(position)).split('\n').length;
    return { where: position !== undefined && text.includes('\n') ? t('at_line', { line }) : '' };
  }
}

/**
 * Return the text that a JSON text stands for.
 *
 * @param {string} json
 * @returns {string | null} Null when it stands for something else, or for text that a field can't show as it is.
 */
export function plainText(json) {
  if (jsonFault(json)) return null;
  const value = JSON.parse(json);
  return typeof value === 'string' && value.isWellFormed() && !hasUnseen(value) ? value : null;
}

/**
 * Whether somebody who typed this as text may have meant JSON.
 *
 * @param {string} text
 */
export const looksLikeJson = (text) => /^\s*([[{]|-?\d+(\.\d+)?\s*$|(true|false|null)\s*$)/.test(text);
