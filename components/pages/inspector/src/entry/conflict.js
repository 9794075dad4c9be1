/** Somebody else has written the entry since it was opened. */

import { h } from '../dom.js';
import { ago } from '../format.js';
import { t } from '../texts.js';
import { jsonBox } from './json.js';

/**
 * @param {Entry | null} now What is stored now; null when it was deleted.
 * @param {import('../dom.js').Child[]} more
 */
export function conflictBox(now, ...more) {
  return h(
    'div',
    { class: 'alert stack', role: 'alert', id: 'conflict' },
    h('strong', {}, t(now ? 'conflict' : 'conflict_gone')),
    now && h('p', { class: 'small muted' }, t('conflict_now', { n: now.version, when: ago(now.updated_at) })),
    now && jsonBox(now.text ?? t('broken')),
    more,
  );
}
