/** What can't be seen or turns the text around it. */
const UNSEEN = /[\p{Cc}\u061c\u200b\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff]/gu;

/**
 * Show unseen characters by their names, so that an id can't pretend to be another.
 *
 * @param {string} text
 */
export function visible(text) {
  return text.replace(UNSEEN, (mark) => {
    const code = mark.codePointAt(0) ?? 0;
    return `⟦U+${code.toString(16).toUpperCase().padStart(4, '0')}⟧`;
  });
}

/**
 * Return whether a text has characters that a text field doesn't show; line breaks and tabs are shown.
 *
 * @param {string} text
 */
export function hasUnseen(text) {
  return text.replace(/[\n\t]/g, '').search(UNSEEN) >= 0;
}
