/**
 * What buttons of a view start in another one. `main.js` sets them, so that no view imports a view above it.
 *
 * @typedef {object} Actions
 * @property {(scope: ScopeView) => void} openScope
 * @property {(scope: ScopeView, key: string) => void} openEntry
 * @property {(scope: ScopeView) => void} addEntry
 * @property {(scope: ScopeView) => void} exportScope
 * @property {(scope: ScopeView) => void} clearScope
 * @property {(person: string, bot: string | null) => void} erasePerson
 */

export const actions = /** @type {Actions} */ ({});

/** @param {Actions} all */
export const connect = (all) => Object.assign(actions, all);
