/**
 * One of the two lists of found scopes.
 *
 * @typedef {object} ResultList
 * @property {FoundScope[]} scopes
 * @property {string | null} cursor Where to go on; null when everything was searched.
 * @property {number} looked How many scopes were searched.
 * @property {boolean} going Whether a search is running.
 * @property {boolean} stop Whether the running search shall end.
 */

/**
 * @typedef {object} State
 * @property {Language} language
 * @property {Overview | null} overview The latest figures.
 * @property {boolean} loading Whether the figures are being asked for.
 * @property {Record<string, string>} botNames The names of LangBot's bots by uuid.
 * @property {FindRequest | null} request What is searched for; null before a search.
 * @property {number} search One more with each search, so that late answers of an earlier one are dropped.
 * @property {ResultList} names Scopes found by the name of their owner.
 * @property {ResultList} inside Scopes found by their keys and values.
 * @property {ScopeView | null} scope The open scope; null for the overview.
 * @property {Preview[]} entries The entries of the open scope, as far as they are loaded.
 * @property {string | null} next The key after which the open scope has more entries.
 * @property {'by_newest' | 'by_key'} order The order of the entries.
 * @property {(() => boolean) | null} unsaved Whether the open dialog has unsaved changes.
 * @property {number | undefined} saidTimer Ends the message at the bottom.
 */

/** @returns {ResultList} */
export const newList = () => ({ scopes: [], cursor: null, looked: 0, going: false, stop: false });

/** @type {State} */
export const state = {
  language: 'en',
  overview: null,
  loading: false,
  botNames: {},
  request: null,
  search: 0,
  names: newList(),
  inside: newList(),
  scope: null,
  entries: [],
  next: null,
  order: 'by_newest',
  unsaved: null,
  saidTimer: undefined,
};
