/** The days of the latest writes, as a chart and as a table. */

import { h } from '../dom.js';
import { dayName, number } from '../format.js';
import { state } from '../state.js';
import { t } from '../texts.js';

const DAYS = 14;
const DAY_S = 86_400;
const HEIGHT_PX = 84;

/** @param {Overview} overview */
export function chart(overview) {
  const days = daysOf(overview);
  const written = days.filter((day) => total(day) > 0);
  const label = [t('chart'), ...written.map(dayText)].join('. ');
  const most = Math.max(1, ...days.map(total));
  return h(
    'section',
    { class: 'card stack' },
    h('h3', {}, t('chart')),
    h(
      'div',
      { class: 'chart', id: 'chart', role: 'img', 'aria-label': label },
      days.map((day, index) => column(day, most, index === 0)),
    ),
    h('p', { class: 'legend small muted row' }, legend('new', t('new_entries')), legend('changed', t('changed'))),
    table(written),
  );
}

/**
 * Return the last days, those without a write, too.
 *
 * @param {Overview} overview
 * @returns {Day[]}
 */
function daysOf(overview) {
  const first = Math.floor(overview.made_at / DAY_S) - DAYS + 1;
  const days = Array.from({ length: DAYS }, (_, index) => first + index);
  return days.map((day) => overview.days.find((one) => one.day === day) ?? { day, new: 0, changed: 0 });
}

/** @param {Day} day */
const total = (day) => day.new + day.changed;

/** @param {Day} day */
const dayText = (day) => t('chart_day', { day: dayName(day.day), new: number(day.new), changed: number(day.changed) });

/**
 * @param {Day} day
 * @param {number} most The total of the highest column.
 * @param {boolean} first Whether it is the first column, which always names its month.
 */
function column(day, most, first) {
  const compact = new Intl.NumberFormat(state.language, { notation: 'compact' });
  const date = dayName(day.day, { day: 'numeric' }).replace('日', '');
  return h(
    'div',
    { class: 'day', title: dayText(day) },
    h('span', { class: 'total' }, total(day) ? compact.format(total(day)) : ''),
    h('span', { class: 'bar' }, bar('changed', day.changed / most), bar('new', day.new / most)),
    h('span', { class: 'date' }, date),
    h('span', {}, first || date === '1' ? dayName(day.day, { month: 'short' }) : ''),
  );
}

/**
 * @param {'new' | 'changed'} kind
 * @param {number} share Of the chart's height.
 */
function bar(kind, share) {
  return share ? h('i', { class: kind, style: `height:${Math.max(2, HEIGHT_PX * share)}px` }) : null;
}

/**
 * @param {'new' | 'changed'} kind
 * @param {string} text
 */
const legend = (kind, text) => h('span', {}, h('i', { class: kind }), text);

/** @param {Day[]} days */
function table(days) {
  const head = [t('day'), t('new_entries'), t('changed'), t('total')];
  const rows = days.map((day) => [dayName(day.day), number(day.new), number(day.changed), number(total(day))]);
  return h(
    'details',
    { id: 'days' },
    h('summary', { class: 'small muted' }, t('as_table')),
    h(
      'table',
      { class: 'small' },
      h('thead', {}, tableRow('th', head)),
      h(
        'tbody',
        {},
        rows.reverse().map((cells) => tableRow('td', cells)),
      ),
    ),
  );
}

/**
 * @param {'th' | 'td'} tag
 * @param {string[]} cells
 */
const tableRow = (tag, cells) =>
  h(
    'tr',
    {},
    cells.map((cell) => h(tag, {}, cell)),
  );
