/** Searching: names first, then keys and values, page by page. */

import { call, sameScope } from '../api.js';
import { byId } from '../dom.js';
import { alertBox } from '../elements.js';
import { ownerName } from '../names.js';
import { newList, state } from '../state.js';
import { formRequest } from './form.js';
import { showRecent, showResults } from './results.js';

/** How long a search goes on that nobody has asked to continue. */
const AUTO_MS = 6000;

/** @typedef {'names' | 'inside'} Which */

export async function find() {
  const request = formRequest();
  begin(request);
  await findMore('names');
  if (state.request === request && request.text) await findMore('inside', AUTO_MS);
}

/** Forget the search. */
export function endSearch() {
  begin(null);
  showRecent();
}

/** @param {FindRequest | null} request */
function begin(request) {
  state.search += 1;
  state.request = request;
  state.names = newList();
  state.inside = newList();
}

/**
 * Add a page to one of the lists.
 *
 * @param {Which} which
 * @param {number} [limitMs] How long to search at most.
 */
export async function findMore(which, limitMs = Number.POSITIVE_INFINITY) {
  if (!state.request) return;
  const { search, request } = state;
  const list = state[which];
  list.going = true;
  list.stop = false;
  showResults();
  const error = await fill(list, which, list.scopes.length + request.limit, limitMs);
  if (search !== state.search) return;
  list.going = false;
  showResults();
  if (error) byId(which === 'names' ? 'found' : 'looked').replaceChildren(alertBox(error));
}

export function stopSearch() {
  state.inside.stop = true;
}

/**
 * Search until a list has as many scopes as wanted.
 *
 * @param {import('../state.js').ResultList} list
 * @param {Which} which
 * @param {number} wanted
 * @param {number} limitMs
 * @returns {Promise<ApiError | null>} What went wrong; null, too, when another search has begun.
 */
async function fill(list, which, wanted, limitMs) {
  const { search, request } = state;
  if (!request) return null;
  const end = Date.now() + limitMs;
  do {
    const page = await call('/find', { ...request, inside: which === 'inside', cursor: list.cursor });
    if (search !== state.search) return null;
    if (page.error) return page.error;
    list.scopes.push(...page.scopes.sort(byName));
    list.cursor = page.cursor;
    list.looked += page.looked_into;
    if (list.going) showResults();
  } while (list.cursor !== null && list.scopes.length < wanted && !list.stop && Date.now() < end);
  return null;
}

/**
 * Put scopes whose owner has exactly the name that was searched for first, then the newest.
 *
 * @param {StoredScope} a
 * @param {StoredScope} b
 */
const byName = (a, b) => Number(isNamed(b)) - Number(isNamed(a)) || b.updated_at - a.updated_at;

/** @param {StoredScope} found */
const isNamed = (found) => ownerName(found).toLowerCase() === (state.request?.text ?? '').toLowerCase();

/** Bring the lists up to date without moving them. */
export async function refreshResults() {
  const { search } = state;
  for (const which of /** @type {Which[]} */ (['names', 'inside'])) {
    if (!state[which].scopes.length || state[which].going) continue;
    const list = newList();
    const error = await fill(list, which, state[which].scopes.length, AUTO_MS);
    if (search !== state.search || error) return;
    state[which] = list;
    showResults();
  }
}

/**
 * Take scopes that are gone out of the lists.
 *
 * @param {ScopeRef[]} gone
 */
export function dropResults(gone) {
  for (const list of [state.names, state.inside]) {
    list.scopes = list.scopes.filter((found) => !gone.some((scope) => sameScope(scope, found)));
  }
  if (state.request) showResults();
}
