const NO_ANSWER = { error: { code: 'network', message: '' } };

/**
 * Ask the plugin.
 *
 * @template {keyof Endpoints} E
 * @param {E} endpoint
 * @param {Endpoints[E][0]} body
 * @returns {Promise<Answer<E>>} The answer, or the error in it; an error, too, when LangBot does not answer.
 */
export async function call(endpoint, body) {
  try {
    return /** @type {Answer<E> | null} */ (await langbot.api(endpoint, body)) ?? NO_ANSWER;
  } catch (error) {
    return { error: { code: 'network', message: error instanceof Error ? error.message : String(error) } };
  }
}

/**
 * Return a scope as requests name it.
 *
 * @param {ScopeRef} scope
 * @returns {ScopeRef}
 */
export const refOf = ({ scope, parts }) => ({ scope, parts });

/**
 * @param {ScopeRef | null} one
 * @param {ScopeRef | null} other
 */
export function sameScope(one, other) {
  return one !== null && other !== null && JSON.stringify(refOf(one)) === JSON.stringify(refOf(other));
}
