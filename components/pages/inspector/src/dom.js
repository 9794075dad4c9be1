/** @typedef {string | number | boolean | null | undefined | ((event: Event) => void)} Attribute */
/** @typedef {string | Node | null} Child */

/**
 * Return an element of the page.
 *
 * @template {HTMLElement} [T=HTMLElement]
 * @param {string} id
 * @param {new () => T} [kind] Its class. Default: any.
 * @returns {T}
 */
export function byId(id, kind) {
  const element = document.getElementById(id);
  if (!(element instanceof (kind ?? HTMLElement))) throw new TypeError(`#${id} is not there`);
  return /** @type {T} */ (element);
}

/**
 * Make an element. Text is always text, never markup.
 *
 * @template {keyof HTMLElementTagNameMap} K
 * @param {K} tag
 * @param {Record<string, Attribute>} attributes A function under `onclick` listens to clicks; false, null and
 *   undefined leave an attribute out.
 * @param {(Child | Child[])[]} children
 */
export function h(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === 'function') element.addEventListener(name.slice(2), value);
    else if (value !== false && value !== null && value !== undefined)
      element.setAttribute(name, value === true ? '' : String(value));
  }
  element.append(...children.flat().filter((child) => child !== null));
  return element;
}

/**
 * @param {string} text
 * @param {() => void} action
 * @param {'' | 'main' | 'danger' | 'quiet' | 'quiet last'} kind
 */
export const button = (text, action, kind = '') => h('button', { type: 'button', class: kind, onclick: action }, text);

/** @param {Child[]} children */
export const row = (...children) => h('div', { class: 'row' }, children);
