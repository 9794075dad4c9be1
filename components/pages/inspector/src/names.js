/** How the page names scopes, runners and bots. */

import { state } from './state.js';
import { t } from './texts.js';
import { visible } from './visible.js';

/** @param {ScopeView} view */
export function ownerName({ scope, whose }) {
  if (whose.kind === 'runner') return t('the_runner');
  const name = visible(whose.in ?? whose.id ?? '');
  return scope === 'subject' && whose.kind === 'person' && whose.in === null ? `${name} (${t('private_chat')})` : name;
}

/** @param {ScopeView} view */
export const personOf = ({ whose }) => (whose.kind === 'person' ? whose.id : null);

/** @param {Scope} scope */
export const scopeName = (scope) => t(scope === 'runner' ? 'runner_scope' : scope);

/** @param {ScopeView} view */
export const fullName = (view) => `${scopeName(view.scope)} ${ownerName(view)}`;

/** @param {string | null | undefined} id */
export const runnerName = (id) => visible((id ?? '').replace(/^plugin:/, ''));

/** @param {string | null} uuid */
export const botName = (uuid) => visible(state.botNames[uuid ?? ''] ?? uuid ?? '');

/**
 * Return the bot's uuid; events and Queries name it differently.
 *
 * @param {ScopeRef} scope
 */
export const botOf = ({ parts }) => parts.bot_id ?? parts.bot_uuid ?? null;
